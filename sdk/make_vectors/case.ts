import { publicJwk } from './keys.ts'
import { claims, issuer, type Members, resource } from './tokens.ts'

/** An answer of the fake authorization server, or of the application. A body that is no string is sent as JSON. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export type Reply = Answer | 'unreachable'

/** `revocations` and `introspection`: one reply to everything, or replies by cursor ("" without one) and by token. */
export interface AuthorizationServer {
  readonly resource_metadata?: Reply
  readonly jwks?: Reply
  readonly introspection?: Reply | Readonly<Record<string, Reply>>
  readonly revocations?: Reply | Readonly<Record<string, Reply>>
}

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body?: string
  readonly body_base64?: string
}

export interface Who {
  readonly subject: string
  readonly user_email: string | null
  readonly client_id: string
  readonly scopes: readonly string[]
  readonly audience: string
}

export interface Expectation {
  readonly status: number
  readonly reached: boolean
  readonly headers?: Readonly<Record<string, string | null>>
  readonly body?: Members | readonly Members[]
  readonly body_text?: string
  readonly events?: readonly Members[]
  readonly auth?: Who | null
  readonly received?: { readonly headers?: Readonly<Record<string, string | null>>; readonly body?: string }
  readonly asked?: Readonly<Partial<Record<keyof AuthorizationServer, number>>>
}

export interface Step {
  readonly now: number
  readonly authorization_server?: AuthorizationServer
  readonly request: Request
  readonly expect: Expectation
}

export interface Case {
  readonly name: string
  readonly options: Members
  readonly application?: Answer
  readonly steps?: readonly Step[]
  readonly refused?: true
}

/** 200 with JSON, whose Content-Type needs no saying. */
export const ok = (body: unknown, headers?: Readonly<Record<string, string>>): Answer => ({
  status: 200,
  ...(headers ? { headers } : {}),
  body,
})

/** Options that every case needs; `undefined` among the changes leaves one out. */
export function options(changes: Members = {}): Members {
  const all = { server_id: 'srv_test', api_key: 'sk_test', auth_server: issuer, resource, ...changes }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

export const local = (changes: Members = {}): Members => options({ validation: 'local', ...changes })

// --- what the authorization server says

export const denial = (kind: string, subject: string, more: Members = {}): Members => ({
  kind,
  subject,
  expires_at: (claims['exp'] as number) + 60,
  ...more,
})

/** An answer of the feed. `time` stands still where nothing is said: the SDKs go by when an answer came. */
export const news = (
  cursor: string,
  denials: readonly Members[] = [],
  snapshot = false,
  time = claims['iat'],
): Answer => ok({ cursor, snapshot, time, denials })

/** A snapshot of these denials, and then nothing new. */
export const feed = (denials: readonly Members[] = []): Readonly<Record<string, Reply>> => ({
  '': news('c1', denials, true),
  c1: news('c1'),
})

/** The key set: one key for each algorithm. `ed` has no `alg`, since its algorithm has two names (RFC 9864). */
export const jwks = (keys: readonly Members[], headers?: Readonly<Record<string, string>>): Answer =>
  ok({ keys }, headers)

export const esKey = (kid: 'es' | 'next', more: Members = {}): Members => ({
  ...publicJwk(kid),
  kid,
  alg: 'ES256',
  use: 'sig',
  ...more,
})
export const allKeys: readonly Members[] = [
  esKey('es'),
  { ...publicJwk('rs'), kid: 'rs', alg: 'RS256', use: 'sig' },
  { ...publicJwk('ps'), kid: 'ps', alg: 'PS256', use: 'sig' },
  { ...publicJwk('ed'), kid: 'ed', use: 'sig' },
]

/** What introspection says of the good token (RFC 7662 §2.2), but for the changes. */
export const active = (changes: Members = {}): Answer => ok({ active: true, ...claims, ...changes })
export const inactive: Answer = ok({ active: false })
export const unavailable: Answer = { status: 500, headers: { 'content-type': 'text/plain' }, body: 'broken' }

export const resourceMetadata = (more: Members = {}): Answer =>
  ok({
    resource,
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
    scopes_supported: ['files:read', 'files:write'],
    resource_name: 'Files',
    ...more,
  })

/** Where every case begins: all that works, and no token that introspection knows. */
export const healthy: AuthorizationServer = {
  resource_metadata: resourceMetadata(),
  jwks: jwks(allKeys),
  introspection: {},
  revocations: feed(),
}

// --- what is asked of the MCP server

export type Headers = readonly (readonly [string, string])[]

export const request = (method: string, path: string, headers: Headers = [], body?: string): Request => ({
  method,
  path,
  headers,
  ...(body === undefined ? {} : { body }),
})

/** `POST /mcp` with a message that calls no tool. */
export const post = (headers: Headers, body: unknown = { jsonrpc: '2.0', id: 1, method: 'ping' }): Request =>
  request(
    'POST',
    '/mcp',
    [['content-type', 'application/json'], ...headers],
    typeof body === 'string' ? body : JSON.stringify(body),
  )

export const bearer = (token: string): readonly [string, string] => ['authorization', `Bearer ${token}`]
export const dpop = (token: string): readonly [string, string] => ['authorization', `DPoP ${token}`]

/** A step at `now`; `server` is what changes of the authorization server before it. */
export const step = (
  now: number,
  what: Request,
  expect: Expectation,
  server?: AuthorizationServer,
): Step => ({
  now,
  ...(server ? { authorization_server: server } : {}),
  request: what,
  expect,
})

/** A case begins with `healthy`, and each step changes what it names. */
export const oneCase = (
  name: string,
  caseOptions: Members,
  steps: readonly Step[],
  application?: Answer,
): Case => ({ name, options: caseOptions, ...(application ? { application } : {}), steps })
