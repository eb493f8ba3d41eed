import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { type Form, readForm, readQuery } from '../http/form.ts'
import { seeOther, withCookies } from '../http/see_other.ts'
import type { ConnectionInfo } from '../options.ts'
import { renderLogoutPage } from '../pages/logout_page.tsx'
import { renderSignedOutPage } from '../pages/signed_out_page.tsx'
import { checkForgery, identifyBrowser } from '../sign_in/browser.ts'
import { endSession, findSession, type Session } from '../sign_in/session.ts'
import { verifyIdTokenHint } from '../tokens/id_token.ts'

/** The parameters of OpenID Connect RP-Initiated Logout 1.0 §2 that are sent back with our own form. */
const PARAMETERS = ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state'] as const

interface LogoutRequest {
  /** Whose session a client means, proved by an id_token of ours. */
  sub: string | undefined
  /** Where to go afterwards: an address that the client registered. */
  target: string | undefined
}

/**
 * GET and POST /logout. An id_token of ours for this very session ends it at once; whoever comes without is asked,
 * so that no other site signs people out behind their backs.
 */
export async function logout(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  const isPost = request.method === 'POST'
  const form = isPost ? await readForm(request) : readQuery(request)
  const csrf = isPost ? form.get('csrf') : undefined
  // A client that posts is another site: the browser left our cookie out, and sends it with the GET (SameSite=Lax).
  if (isPost && csrf === undefined)
    return seeOther(context, `${context.issuer.basePath}/logout?${parametersOf(form)}`)
  if (csrf !== undefined) checkForgery(context, request, csrf)

  const session = await findSession(context, request)
  const { sub, target } = await readLogoutRequest(context, form, session)
  const isConfirmed =
    csrf !== undefined || (sub !== undefined && (session === undefined || session.user.id === sub))
  if (isConfirmed) return finish(context, target, await endSession(context, request))
  if (session === undefined) return renderSignedOutPage({ basePath: context.issuer.basePath })

  const browser = identifyBrowser(context, request)
  const page = renderLogoutPage({
    basePath: context.issuer.basePath,
    csrf: browser.csrf,
    user: session.user,
    ...Object.fromEntries(parametersOf(form)),
    formActions: target === undefined ? [] : [target],
  })
  return withCookies(page, [browser.setCookie])
}

async function readLogoutRequest(
  context: ServerContext,
  form: Form,
  session: Session | undefined,
): Promise<LogoutRequest> {
  const token = form.get('id_token_hint')
  const hint = token === undefined ? undefined : await verifyIdTokenHint(context, token)
  const clientId = form.get('client_id')
  if (hint !== undefined && clientId !== undefined && clientId !== hint.aud) {
    throw new OAuthError(
      'invalid_request',
      'client_id is not the client that the id_token_hint was issued to.',
    )
  }
  const isOfSession = session !== undefined && session.user.id === hint?.sub
  return { sub: hint?.sub, target: await findTarget(context, form, hint?.aud ?? clientId, isOfSession) }
}

/**
 * Where to go afterwards. Anybody can register a client, and an address with it, and has an id_token of his own: without
 * one of whoever is signed in here, as proof that this person ever used the client, only a client that an
 * administrator registered is followed (§2, "other means of confirming the legitimacy of the post-logout redirection
 * target").
 *
 * @throws OAuthError `invalid_request` for an address that the client did not register, byte for byte
 */
async function findTarget(
  context: ServerContext,
  form: Form,
  clientId: string | undefined,
  isOfSession: boolean,
): Promise<string | undefined> {
  const uri = form.get('post_logout_redirect_uri')
  if (uri === undefined) return undefined
  const client = clientId === undefined ? undefined : await context.clients.find(clientId)
  if (!isRegistered(client, uri)) {
    throw new OAuthError(
      'invalid_request',
      'post_logout_redirect_uri is not one that this client has registered.',
    )
  }
  return isOfSession || client?.source === 'registered' ? withState(uri, form.get('state')) : undefined
}

function isRegistered(client: Client | undefined, uri: string): boolean {
  return client?.metadata.post_logout_redirect_uris?.includes(uri) ?? false
}

function withState(uri: string, state: string | undefined): string {
  if (state === undefined) return uri
  return `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams({ state })}`
}

function finish(context: ServerContext, target: string | undefined, cookie: string): Response {
  if (target === undefined)
    return withCookies(renderSignedOutPage({ basePath: context.issuer.basePath }), [cookie])
  // A header holds ASCII only; a registered address may have been written with other letters.
  const location = /^[\x21-\x7e]+$/.test(target) ? target : new URL(target).href
  const headers = { Location: location, 'Cache-Control': 'no-store' }
  return withCookies(new Response(null, { status: 303, headers }), [cookie])
}

function parametersOf(form: Form): URLSearchParams {
  const parameters = new URLSearchParams()
  for (const name of PARAMETERS) {
    const value = form.get(name)
    if (value !== undefined) parameters.set(name, value)
  }
  return parameters
}
