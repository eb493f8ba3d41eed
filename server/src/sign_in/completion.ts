import type { ServerContext } from '../context.ts'
import { identifyBrowser } from './browser.ts'
import { rememberBrowser } from './known_browser.ts'
import { startSession } from './session.ts'

/** How somebody signed in; for the audit log. */
export type SignInMethod =
  | 'password'
  | 'email_code'
  | 'passkey'
  | 'setup_link'
  | 'invitation'
  | 'password_reset'

/** How a method is called in `amr` (RFC 8176 §2). A passkey is proof of possession and of the person at once. */
const AMR: Record<SignInMethod, readonly string[]> = {
  password: ['pwd'],
  email_code: ['otp'],
  passkey: ['pop', 'mfa'],
  setup_link: ['pwd'],
  invitation: ['pwd'],
  password_reset: ['otp'],
}

/** Somebody who has proved who he is. */
export interface SignedIn {
  user: { id: string; email: string }
  method: SignInMethod
}

/** Signs somebody in. @returns the `Set-Cookie` values of the answer */
export async function completeSignIn(
  context: ServerContext,
  request: Request,
  { user, method }: SignedIn,
): Promise<string[]> {
  const browser = identifyBrowser(context, request)
  const session = await startSession(context, request, { userId: user.id, amr: AMR[method] })
  await context.audit.record({ type: 'sign_in.succeeded', user_id: user.id, detail: { method } })
  context.telemetry.signInTried(method, 'succeeded')
  const cookies = [session, rememberBrowser(context, browser.id, user.email)]
  return browser.setCookie === undefined ? cookies : [browser.setCookie, ...cookies]
}
