import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify, type webcrypto } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import pg from 'pg'
import { clientDigest } from '../../../../server/src/clients/client.ts'
import { FOR_ANY_ORIGIN } from '../../../../server/src/http/cors.ts'
import { clientStorage } from '../../../../server/src/storage/clients.ts'
import type { Queryable } from '../../../../server/src/storage/database.ts'
import { tokenStorage } from '../../../../server/src/storage/tokens.ts'

// As many connections as our server holds.
const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 20 })
/** The statements of our server, with nothing of it around them. */
const database: Pick<Queryable, 'query'> = {
  query: async <Row>({ name, text }: { name: string; text: string }, values: readonly unknown[] = []) =>
    (await pool.query({ name, text, values: [...values] })).rows as Row[],
}
const clients = clientStorage(database as Queryable)
const tokens = tokenStorage(database as Queryable)

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
/** That of the tokens that are asked about. */
const publicKey = await findPublicKey()
/** What is signed of an access token of ours, in its length. */
const SIGNED = randomBytes(430).toString('base64url')

async function findPublicKey() {
  const { rows } = await pool.query("select public_jwk from auth_agent.signing_keys where alg = 'ES256'")
  return createPublicKey({ key: rows[0].public_jwk as webcrypto.JsonWebKey, format: 'jwk' })
}

function signed(): Buffer {
  return sign('sha256', Buffer.from(SIGNED), { key: privateKey, dsaEncoding: 'ieee-p1363' })
}

function isSigned(token: string): boolean {
  const end = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  return verify(
    'sha256',
    Buffer.from(token.slice(0, end)),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    signature,
  )
}

/** The fields of our answers, for scripts of any origin. */
const JSON_TYPE = { 'Content-Type': 'application/json', ...FOR_ANY_ORIGIN }
const NOT_CACHED = { ...JSON_TYPE, 'Cache-Control': 'no-store' }
const CACHED = { ...JSON_TYPE, ETag: '"an-entity-tag-of-22-chrs"', 'Cache-Control': 'public, max-age=300' }
/** As long as the claims of a token of ours. */
const ACTIVE = JSON.stringify({ active: true, claims: 'x'.repeat(480) })
const METADATA = JSON.stringify({ issuer: 'x'.repeat(2_100) })
const KEYS = JSON.stringify({ keys: 'x'.repeat(850) })

function answer(body: object): Response {
  return new Response(JSON.stringify(body), { headers: NOT_CACHED })
}

function tokensWith(more: object): Response {
  const access_token = `ey${SIGNED}.${signed().toString('base64url')}`
  return answer({ access_token, token_type: 'Bearer', expires_in: 3600, scope: 'files:read', ...more })
}

/** RFC 7617; the secret is not looked at. */
function clientIdOf(request: Request): string {
  const [clientId = ''] = Buffer.from(request.headers.get('Authorization')?.slice(6) ?? '', 'base64')
    .toString()
    .split(':')
  return clientId
}

async function refresh(form: URLSearchParams): Promise<Response> {
  const token = form.get('refresh_token') ?? ''
  const [family = '', generation = '', mac = ''] = token.slice(3).split('.')
  const presented = {
    family,
    generation: Number(generation),
    client_digest: clientDigest(form.get('client_id') ?? ''),
    presented_from: null,
    resource: null,
    scopes: null,
  }
  const lifetimes = { raceWindow: 60, maxRacedRun: 5, refreshTokenTtl: 2_592_000, accessTokenTtl: 3_600 }
  const row = await tokens.presentRefreshToken(presented, lifetimes, new Date())
  if (row?.outcome !== 'rotated') return new Response(null, { status: 400 })
  return tokensWith({ refresh_token: `rt_${family}.${row.generation}.${mac}` })
}

const app = new Hono()
app.get('/', (c) => c.text('ready'))
app.post('/token', async (c) => {
  const form = new URLSearchParams(await c.req.text())
  if (form.get('grant_type') === 'refresh_token') return refresh(form)
  const client = await clients.findRegisteredClient(clientDigest(clientIdOf(c.req.raw)))
  return client === undefined ? new Response(null, { status: 401 }) : tokensWith({})
})
app.post('/introspect', async (c) => {
  const form = new URLSearchParams(await c.req.text())
  return form.get('token') === null ? c.notFound() : new Response(ACTIVE, { headers: NOT_CACHED })
})
app.post('/introspect-verifying', async (c) => {
  const form = new URLSearchParams(await c.req.text())
  return isSigned(form.get('token') ?? '') ? new Response(ACTIVE, { headers: NOT_CACHED }) : c.notFound()
})
app.post('/introspect-inactive', async (c) => {
  const form = new URLSearchParams(await c.req.text())
  return form.get('token') === null ? c.notFound() : answer({ active: false })
})
app.get('/.well-known/openid-configuration', () => new Response(METADATA, { headers: CACHED }))
app.get('/.well-known/jwks.json', () => new Response(KEYS, { headers: CACHED }))
app.post('/register', async (c) => {
  const metadata = (await c.req.json()) as object
  return new Response(JSON.stringify({ client_id: `dcr_${'x'.repeat(400)}`, ...metadata }), {
    status: 201,
    headers: NOT_CACHED,
  })
})

serve({ fetch: app.fetch, port: Number(process.env['PORT']), hostname: '127.0.0.1' })

// An orderly end, so that a profile of it is written.
process.on('SIGTERM', () => process.exit())
