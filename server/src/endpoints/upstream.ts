import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { renderErrorForPeople } from '../http/failure.ts'
import { readForm, readQuery } from '../http/form.ts'
import { seeOther, withCookies, withHeaders } from '../http/see_other.ts'
import type { ConnectionInfo } from '../options.ts'
import { withReturnTo } from '../pages/base_path.ts'
import { checkForgery, identifyBrowser } from '../sign_in/browser.ts'
import { completeSignIn } from '../sign_in/completion.ts'
import { findEmailAddress } from '../sign_in/email_address.ts'
import { toReturnPath } from '../sign_in/return_to.ts'
import { beginUpstreamSignIn, finishUpstreamSignIn } from '../sign_in/upstream.ts'
import { findPending, removePending } from '../sign_in/upstream_pending.ts'
import type { UpstreamProvider } from '../sign_in/upstream_provider.ts'
import { renderSignInForm, wishesOf } from './sign_in.ts'

/** POST /sign-in/upstream: to the provider. */
export async function beginUpstream(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  const provider = checkProvider(context)
  const form = await readForm(request)
  checkForgery(context, request, form.get('csrf'))
  const returnTo = toReturnPath(context.issuer, form.get('return_to'))
  const start = { returnTo, ...wishesOf(form), loginHint: findEmailAddress(form.get('login_hint')) }
  try {
    const { location, cookie } = await beginUpstreamSignIn(context, request, provider, start)
    const headers = {
      Location: location.href,
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
    }
    return withCookies(new Response(null, { status: 303, headers }), [cookie])
  } catch (error) {
    return refuse(context, request, error, returnTo)
  }
}

/** GET /sign-in/upstream/callback: back from the provider (OpenID Connect Core §3.1.2.5). */
export async function finishUpstream(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
): Promise<Response> {
  const provider = checkProvider(context)
  const browserId = identifyBrowser(context, request).id
  const pending = findPending(context, browserId, request, readQuery(request).get('state'))
  if (pending === undefined) {
    const description =
      'This sign-in was not begun in this browser, took too long, or was used already. Begin again.'
    return refuse(context, request, new OAuthError('access_denied', description), undefined)
  }
  const done = removePending(context, browserId, request, pending)
  const returnTo = toReturnPath(context.issuer, pending.returnTo)
  try {
    const signedIn = await finishUpstreamSignIn(context, request, info, provider, pending)
    return seeOther(context, returnTo, [done, ...(await completeSignIn(context, request, signedIn))])
  } catch (error) {
    return withCookies(await refuse(context, request, error, returnTo), [done])
  }
}

function checkProvider({ upstream }: ServerContext): UpstreamProvider {
  if (upstream === undefined) throw new OAuthError('not_found', 'There is no such page.')
  return upstream
}

/**
 * A refusal is shown on the sign-in page, where the other ways are; what does not work on a page of its own, with the
 * reference by which it is found in the log.
 */
async function refuse(
  context: ServerContext,
  request: Request,
  error: unknown,
  returnTo: string | undefined,
): Promise<Response> {
  const { basePath } = context.issuer
  const isRefusal = error instanceof OAuthError && error.status < 500
  if (!isRefusal || returnTo === undefined) {
    const href = withReturnTo(basePath, '/sign-in', returnTo ?? `${basePath}/account`)
    return renderErrorForPeople(context, request, error, { href, label: 'To the sign-in page' })
  }
  const { status, description } = error
  return withHeaders(
    await renderSignInForm(context, request, { returnTo, status, error: description, isTyped: false }),
    error.headers,
  )
}
