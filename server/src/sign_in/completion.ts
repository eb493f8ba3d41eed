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
  | 'upstream'

/** How a method is called in `amr` (RFC 8176 §2). A passkey is proof of possession and of the person at once. */
const AMR: Record<SignInMethod, readonly string[]> = {
  password: ['pwd'],
  email_code: ['otp'],
  passkey: ['pop', 'mfa'],
  setup_link: ['pwd'],
  invitation: ['pwd'],
  password_reset: ['otp'],
  // It is for the provider to say.
  upstream: [],
}

/** Somebody who has proved who he is. */
export interface SignedIn {
  user: { id: string; email: string }
  method: SignInMethod
  /** How and when another provider asked him, where it told. Default: as the method says, and now. */
  amr?: readonly string[]
  authTime?: Date | undefined
}

/** Signs somebody in. @returns the `Set-Cookie` values of the answer */
export async function completeSignIn(
  context: ServerContext,
  request: Request,
  { user, method, amr = AMR[method], authTime }: SignedIn,
): Promise<string[]> {
  const browser = identifyBrowser(context, request)
  const session = await startSession(context, request, { userId: user.id, amr, authTime })
  await context.audit.record({ type: 'sign_in.succeeded', user_id: user.id, detail: { method } })
  context.telemetry.signInTried(method, 'succeeded')
  const cookies = [session, rememberBrowser(context, browser.id, user.email)]
  return browser.setCookie === undefined ? cookies : [browser.setCookie, ...cookies]
}
