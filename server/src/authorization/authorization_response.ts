import { redirectKind, redirectOrigin } from '../checks/redirect_uri.ts'
import type { ServerContext } from '../context.ts'
import type { OAuthError } from '../errors.ts'
import { renderErrorForPeople } from '../http/failure.ts'
import { renderFormPostPage } from '../pages/form_post_page.tsx'
import { noteRefusal } from '../telemetry/request_scope.ts'
import { isAtListedDomain, type Recipient } from './authorization_request.ts'

/** The parameters of an answer: a code, or an error (OAuth 2.1 §4.1.2). */
type ResponseParameters = Readonly<Record<string, string | undefined>>

/** Sends the person back to the client with a code, or with the decision not to give one. */
export function respond(
  context: ServerContext,
  recipient: Recipient,
  parameters: ResponseParameters,
): Response {
  const { redirectUri, responseMode } = recipient
  const fields = responseFields(context, recipient, parameters)
  if (responseMode === 'form_post') {
    return renderFormPostPage({ basePath: context.issuer.basePath, action: redirectUri, fields })
  }
  return new Response(null, {
    status: 303,
    headers: {
      Location: withQuery(redirectUri, fields),
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
    },
  })
}

/**
 * Answers a request that failed: by redirect to a client that someone vouches for, that this person has approved
 * before, or on loopback; to any other on a page with a link, so that we are no open redirector (RFC 9700 §4.11.2).
 */
export async function respondWithError(
  context: ServerContext,
  request: Request,
  recipient: Recipient,
  error: OAuthError,
  userId: string | undefined,
): Promise<Response> {
  noteRefusal(error.code)
  const parameters = { error: error.code, error_description: error.description }
  if (await isTrusted(context, recipient, userId)) return respond(context, recipient, parameters)
  const href = withQuery(recipient.redirectUri, responseFields(context, recipient, parameters))
  return renderErrorForPeople(context, request, error, { href, label: 'Return to the app' })
}

async function isTrusted(
  context: ServerContext,
  recipient: Recipient,
  userId: string | undefined,
): Promise<boolean> {
  const { client, redirectUri } = recipient
  if (client.source === 'registered' || redirectKind(redirectUri) === 'loopback') return true
  if (userId !== undefined) {
    const origin = redirectOrigin(redirectUri)
    if (await context.storage.hasApprovedClient(userId, client.digest, origin)) return true
  }
  const organization = await context.storage.findOrganization(client.organizationId)
  return isAtListedDomain(client, organization?.client_domains ?? [])
}

/** `iss` is on every answer, errors included (RFC 9207 §2). */
function responseFields(
  { issuer }: ServerContext,
  { state }: Recipient,
  parameters: ResponseParameters,
): Record<string, string> {
  const fields = { ...parameters, state, iss: issuer.url }
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined),
  )
}

/** The redirect URI stays as it was registered, byte for byte; `new URL` would rewrite it. */
function withQuery(uri: string, fields: Record<string, string>): string {
  return `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams(fields)}`
}
