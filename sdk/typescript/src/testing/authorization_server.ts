import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { createProtectionOn } from '../create_protection.ts'
import type { ProtectOptions } from '../options.ts'
import type { Protection } from '../protection.ts'
import { createTestPlatform, type TestPlatform } from './platform.ts'

export const ISSUER = 'https://auth.example'
export const RESOURCE = 'https://mcp.example/mcp'
export const OPTIONS = {
  serverId: 'srv_test',
  apiKey: 'sk_test',
  authServer: ISSUER,
  resource: RESOURCE,
} as const

interface Denial {
  kind: string
  subject: string
  cutoff?: number
  expires_at: number
}

type Part = 'introspect' | 'jwks' | 'revocations' | 'metadata'

/** An authorization server in this process, by the clock of the platform that it comes with. */
export interface FakeServer {
  platform: TestPlatform
  /** How often each part was asked. */
  asked: Record<Part, number>
  /** Parts that cannot be reached. */
  down: Set<Part>
  /** What the feed says: everything, to whoever asks without a cursor, and what is new otherwise. */
  denials: Denial[]
  /** Tokens that introspection calls inactive. */
  revoked: Set<string>
  keys: JWK[]
  /** Runs before an introspection is answered, after it was decided. */
  beforeIntrospected: () => Promise<void>
  /** Runs before the feed answers. */
  beforeFed: (query: URLSearchParams, signal: AbortSignal | null) => Promise<void>
  privateKey: CryptoKey
  sign(claims?: object, header?: Partial<JWTHeaderParameters>, key?: CryptoKey | Uint8Array): Promise<string>
  protect(options?: Partial<ProtectOptions>): Protection
}

export async function createFakeServer(
  surroundings: Parameters<typeof createTestPlatform>[1] = {},
): Promise<FakeServer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const server: FakeServer = {
    platform: createTestPlatform((url, init) => answer(server, new URL(url), init), surroundings),
    asked: { introspect: 0, jwks: 0, revocations: 0, metadata: 0 },
    down: new Set(),
    denials: [],
    revoked: new Set(),
    keys: [{ ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'ES256', use: 'sig' }],
    beforeIntrospected: async () => undefined,
    beforeFed: async () => undefined,
    privateKey,
    sign: (claims = {}, header = {}, key = privateKey) =>
      new SignJWT({ ...standardClaims(server.platform.seconds), ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1', ...header })
        .sign(key),
    protect: (options = {}) => createProtectionOn(server.platform, { ...OPTIONS, ...options }),
  }
  return server
}

/** What every token of ours says, unless a test says otherwise. */
export function standardClaims(now: number): Record<string, unknown> {
  return {
    iss: ISSUER,
    aud: RESOURCE,
    sub: 'user_1',
    client_id: 'client_1',
    scope: 'files:read',
    jti: crypto.randomUUID(),
    grant_id: 'grant_1',
    email: 'ada@example.com',
    iat: now,
    exp: now + 3600,
  }
}

async function answer(server: FakeServer, url: URL, init: RequestInit): Promise<Response> {
  const part = partOf(url)
  server.asked[part] += 1
  if (server.down.has(part)) throw new TypeError('fetch failed')
  if (part === 'jwks') return Response.json({ keys: server.keys })
  if (part === 'introspect')
    return introspect(server, new URLSearchParams(String(init.body)).get('token') ?? '')
  if (part === 'metadata') return Response.json({ resource: RESOURCE, resource_name: 'Files' })
  return feed(server, url.searchParams, init.signal ?? null)
}

function partOf({ pathname }: URL): Part {
  if (pathname === '/introspect') return 'introspect'
  if (pathname === '/.well-known/jwks.json') return 'jwks'
  if (pathname === '/revocations') return 'revocations'
  if (pathname === '/.well-known/oauth-protected-resource/srv_test') return 'metadata'
  throw new Error(`Nobody should ask for ${pathname}.`)
}

async function introspect(server: FakeServer, token: string): Promise<Response> {
  const active = !server.revoked.has(token)
  await server.beforeIntrospected()
  if (!active) return Response.json({ active })
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  return Response.json({ active, ...claims })
}

async function feed(
  server: FakeServer,
  query: URLSearchParams,
  signal: AbortSignal | null,
): Promise<Response> {
  await server.beforeFed(query, signal)
  if (server.down.has('revocations')) throw new TypeError('fetch failed')
  const known = Number(query.get('cursor') ?? 0)
  return Response.json({
    cursor: String(server.denials.length),
    snapshot: !query.has('cursor'),
    time: server.platform.seconds,
    denials: server.denials.slice(known),
  })
}
