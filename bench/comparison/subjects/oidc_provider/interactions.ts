import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { errors, type Provider } from 'oidc-provider'
import { isPasswordOf } from './accounts.ts'
import { consentPage, errorPage, loginPage } from './pages.ts'

const PATH = /^\/interaction\/([\w-]+)(?:\/(login|confirm|abort))?$/

/**
 * The pages that `oidc-provider` leaves to who uses it, on bare `node:http`, which costs least. What they do is what the example of its
 * repository does. A form of another site comes without the cookie of the interaction, which is `SameSite=Lax`.
 */
export function interactionsOf(provider: Provider): RequestListener {
  return async (request, response) => {
    try {
      const [, , action] = PATH.exec(request.url ?? '') ?? []
      const operation = `${request.method} ${action ?? ''}`
      if (operation === 'GET ') await showPage(provider, request, response)
      else if (operation === 'POST login') await signIn(provider, request, response)
      else if (operation === 'POST confirm') await consent(provider, request, response)
      else if (operation === 'POST abort') await abort(provider, request, response)
      else send(response, 404, errorPage('There is nothing here.'))
    } catch (error) {
      if (error instanceof errors.SessionNotFound) {
        send(response, 400, errorPage('This page has expired. Go back to the app and begin again.'))
        return
      }
      console.error(error)
      send(response, 500, errorPage('Something went wrong.'))
    }
  }
}

async function showPage(provider: Provider, request: IncomingMessage, response: ServerResponse) {
  const { uid, prompt, params, session } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') return send(response, 200, loginPage(uid))
  const client = await provider.Client.find(String(params['client_id']))
  const page = consentPage({
    uid,
    account: session?.accountId ?? '',
    client: client?.clientName ?? String(params['client_id']),
    redirectUri: String(params['redirect_uri']),
    scope: String(params['scope']),
  })
  send(response, 200, page)
}

async function signIn(provider: Provider, request: IncomingMessage, response: ServerResponse) {
  const { uid, prompt } = await provider.interactionDetails(request, response)
  const form = new URLSearchParams(await text(request))
  const login = form.get('login') ?? ''
  const isRight = prompt.name === 'login' && isPasswordOf(login, form.get('password') ?? '')
  if (!isRight) return send(response, 400, loginPage(uid, 'That is not the password of this account.'))
  await provider.interactionFinished(
    request,
    response,
    { login: { accountId: login } },
    { mergeWithLastSubmission: false },
  )
}

/** Grants what was asked for. Who consented to all of it before has that grant still, and it is not saved again. */
async function consent(provider: Provider, request: IncomingMessage, response: ServerResponse) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response)
  if (prompt.name !== 'consent' || session === undefined)
    return send(response, 400, errorPage('Sign in first.'))
  const missing = prompt.details as MissingConsent
  if (grantId !== undefined && !Object.values(missing).some((value) => value !== undefined))
    return await provider.interactionFinished(request, response, { consent: {} })
  const existing = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const grant =
    existing ?? new provider.Grant({ accountId: session.accountId, clientId: String(params['client_id']) })
  addMissing(grant, missing)
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
}

function addMissing(grant: InstanceType<Provider['Grant']>, missing: MissingConsent): void {
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = missing
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '))
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims)
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {}))
    grant.addResourceScope(resource, scopes.join(' '))
}

interface MissingConsent {
  missingOIDCScope?: string[]
  missingOIDCClaims?: string[]
  missingResourceScopes?: Record<string, string[]>
}

async function abort(provider: Provider, request: IncomingMessage, response: ServerResponse) {
  const result = { error: 'access_denied', error_description: 'The person refused.' }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
}

function send(response: ServerResponse, status: number, page: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(page),
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  })
  response.end(page)
}
