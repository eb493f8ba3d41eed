import { exportPKCS8, importPKCS8 } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKeyWrapping } from '../../server/src/keys/key_wrapping.ts'
import { statement } from '../../server/src/storage/database.ts'
import { signingKeyStorage } from '../../server/src/storage/signing_keys.ts'
import { createBrowser } from '../support/browser.ts'
import { type Granted, grant, type RegisteredServer, refresh, registerServer } from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

const SECRET = 'the secret of a server whose database is stolen'

const TABLES = statement<{ tablename: string }>(
  'test_tables',
  "select tablename from pg_tables where schemaname = 'auth_agent'",
)

let server: TestServer
let mcp: RegisteredServer
let granted: Granted
let browser: ReturnType<typeof createBrowser>
/** All rows of all tables, as a thief of the database reads them; bytes as text and as hexadecimal. */
let dump: string

beforeAll(async () => {
  server = await createTestServer({ secrets: [SECRET], signingAlg: 'HS256' })
  mcp = await registerServer(server)
  browser = createBrowser(server)
  granted = await grant(server, { browser, parameters: { scope: 'openid files:read' } })
  await refresh(server, granted, granted.tokens.refresh_token)
  server.clock.advance(89 * 86_400)
  await server.server.maintain()
  dump = await dumpDatabase()
})
afterAll(() => server.close())

async function dumpDatabase(): Promise<string> {
  const { database } = server.database
  const texts: string[] = []
  for (const { tablename } of await database.query(TABLES)) {
    const rows = await database.query(
      statement(`test_dump_${tablename}`, `select * from auth_agent.${tablename}`),
    )
    for (const row of rows) {
      texts.push(
        JSON.stringify(row, (_, value: unknown) => (isBytes(value) ? describeBytes(value.data) : value)),
      )
    }
  }
  return texts.join('\n')
}

/** What `JSON.stringify` makes of a Buffer. */
function isBytes(value: unknown): value is { type: 'Buffer'; data: number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer'
}

function describeBytes(data: readonly number[]): string[] {
  const bytes = Buffer.from(data)
  return [bytes.toString('latin1'), bytes.toString('hex'), bytes.toString('base64url')]
}

describe('the database holds', () => {
  it('no private key: neither PKCS #8, nor SEC 1, nor a private or symmetric JWK', () => {
    expect(dump).not.toMatch(/PRIVATE KEY/)
    expect(dump).not.toMatch(/"(d|p|q|dp|dq|qi|k|oth)":/)
    // The DER of PKCS #8 for EC, RSA and Ed25519, in hexadecimal: version 0, then the algorithm.
    expect(dump).not.toMatch(/020100300[d5]06|020100301306072a8648ce3d0201/)
  })

  it('not the keys of this server, in any form', async () => {
    const { unwrap } = createKeyWrapping([SECRET])
    const rows = await signingKeyStorage(server.database.database).listSigningKeys(new Date(server.clock.now))
    expect(rows.length).toBeGreaterThanOrEqual(8)
    for (const row of rows) {
      const key = unwrap(row.wrapped_key, row.kid)
      const raw = row.alg === 'HS256' ? key : Buffer.from(pemBody(await canonicalPem(key, row.alg)), 'base64')
      for (const secret of [key, raw]) {
        for (const form of ['hex', 'base64url', 'latin1'] as const)
          expect(dump).not.toContain(secret.toString(form))
      }
    }
  })

  it('no token, no key, no session and no password that anybody holds', () => {
    const held = [
      SECRET,
      OWNER.password,
      mcp.key,
      mcp.key.slice(-43),
      granted.code,
      granted.pkce.verifier,
      granted.tokens.access_token,
      granted.tokens.refresh_token,
      granted.tokens.refresh_token.split('.').at(-1) ?? '',
      ...browser.cookies.values(),
    ]
    for (const secret of held) {
      expect(secret.length).toBeGreaterThan(20)
      expect(dump).not.toContain(secret)
    }
  })
})

/** The key is one: what it looks like in its standard form is what a thief would look for. */
async function canonicalPem(pem: Buffer, alg: string): Promise<string> {
  return exportPKCS8(await importPKCS8(pem.toString(), alg, { extractable: true }))
}

function pemBody(pem: string): string {
  return pem.replace(/-----[^-]+-----|\s/g, '')
}
