import { createHash } from 'node:crypto'
import { z } from 'zod'
import { metadataDigest } from '../clients/metadata.ts'
import type { ServerContext } from '../context.ts'
import type { ResolvedResource } from '../grants/resource.ts'
import { newSecret } from '../random.ts'
import type { Session } from '../sign_in/session.ts'
import type { AuthorizationRequest } from './authorization_request.ts'

/** How long a person may think about it. */
const REQUEST_TTL = 600_000

/** What of a request is kept while the person thinks. The rest is looked up again, and must not have changed. */
const waitingRequest = z.object({
  clientId: z.string(),
  redirectUri: z.string(),
  responseMode: z.enum(['query', 'form_post']),
  state: z.string().optional(),
  resource: z.string(),
  scopes: z.array(z.string()),
  codeChallenge: z.string(),
  nonce: z.string().optional(),
  /** Of the client's metadata, and of what the page said of the resource. */
  metadataDigest: z.string(),
  resourceDigest: z.string(),
  /** In milliseconds since the epoch. */
  expiresAt: z.number(),
  /** Two pages of one request have two, and are answered each by itself. */
  pageId: z.string(),
})
export type WaitingRequest = z.infer<typeof waitingRequest>

const SEALED = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/

/**
 * What a page carries of the request that it asks about, since nothing is stored before the person has decided. Only this session
 * can answer it.
 */
export function sealRequest(context: ServerContext, asked: AuthorizationRequest, session: Session): string {
  const waiting: WaitingRequest = {
    clientId: asked.client.clientId,
    redirectUri: asked.redirectUri,
    responseMode: asked.responseMode,
    state: asked.state,
    resource: asked.resource,
    scopes: [...asked.scopes],
    codeChallenge: asked.codeChallenge,
    nonce: asked.nonce,
    metadataDigest: metadataDigest(asked.client.metadata).toString('base64url'),
    resourceDigest: resourceDigest(asked, asked.scopes),
    expiresAt: context.now() + REQUEST_TTL,
    pageId: newSecret(),
  }
  const payload = Buffer.from(JSON.stringify(waiting)).toString('base64url')
  const mac = context.purposeKeys.mac('browser', messageOf(session, payload))
  return `${payload}.${mac.toString('base64url')}`
}

/** The request of a page that was shown in this session, unless it has waited for too long. */
export function openRequest(
  context: ServerContext,
  sealed: string,
  session: Session,
): WaitingRequest | undefined {
  const [, payload = '', mac = ''] = SEALED.exec(sealed) ?? []
  const given = Buffer.from(mac, 'base64url')
  if (!context.purposeKeys.isMac('browser', messageOf(session, payload), given)) return undefined
  // A page of another version of this server may have said something else.
  const { data: waiting } = waitingRequest.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
  return waiting !== undefined && waiting.expiresAt > context.now() ? waiting : undefined
}

/** By what it is known that a request was answered. */
export function requestDigest({ pageId }: WaitingRequest): Buffer {
  return createHash('sha256').update(pageId).digest()
}

/** Of all that the page says of a resource: its address and names, what it sees, and what the scopes let the client do. */
export function resourceDigest(
  { resource, name, server, offered }: ResolvedResource,
  scopes: readonly string[],
): string {
  const shown = [
    resource,
    name,
    server?.description,
    server?.identity,
    offered.filter(({ name }) => scopes.includes(name)),
  ]
  return createHash('sha256').update(JSON.stringify(shown)).digest('base64url')
}

function messageOf(session: Session, payload: string): string {
  return `request:${session.id}:${payload}`
}
