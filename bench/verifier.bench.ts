import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { compactVerify, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { describe, it } from 'vitest'
import { createProtection } from '../sdk/typescript/src/index.ts'
import { findPython } from '../tests/support/python.ts'
import { median } from './statistics.ts'

const TOKENS = 10_000
const ROUNDS = 5
const ISSUER = 'https://as.example'
const RESOURCE = 'https://mcp.example/mcp'

/**
 * Tokens never seen, one after the other: what the verifier adds to the bare check of their signatures by its library.
 * In turns, in one process, by CPU time.
 */
describe('a token never seen', () => {
  it.each(['ES256', 'EdDSA', 'RS256'] as const)('TypeScript, %s', async (algorithm) => {
    report(`TypeScript, ${algorithm}`, await measure(algorithm))
  })

  it('Python', () => {
    const program = fileURLToPath(new URL('./verifier.py', import.meta.url))
    const { stdout, stderr, status } = spawnSync(findPython(), [program], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    for (const line of stdout.trim().split('\n')) {
      const { algorithm, ...figures } = JSON.parse(line) as Figures & { algorithm: string }
      report(`Python, ${algorithm}`, figures)
    }
  })
})

/** Microseconds of CPU a token. */
interface Figures {
  bare: number
  never_seen: number
  seen: number
}

async function measure(alg: string): Promise<Figures> {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg, use: 'sig' }
  globalThis.fetch = async (input) => answer(String(input), jwk)
  const protection = createProtection({
    serverId: 'srv_bench',
    apiKey: 'sk_bench',
    authServer: ISSUER,
    resource: RESOURCE,
    validation: 'local',
  })
  const rounds: Figures[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const tokens = await makeTokens(alg, privateKey)
    const bare = await cpuOf(tokens, (token) => compactVerify(token, publicKey))
    const never_seen = await cpuOf(tokens, (token) => protection.verifyToken(token))
    const seen = await cpuOf(tokens, (token) => protection.verifyToken(token))
    // The first round warms up.
    if (round > 0) rounds.push({ bare, never_seen, seen })
  }
  protection.close()
  const of = (key: keyof Figures) => median(rounds.map((round) => round[key]))
  return { bare: of('bare'), never_seen: of('never_seen'), seen: of('seen') }
}

async function cpuOf(tokens: readonly string[], work: (token: string) => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  for (const token of tokens) await work(token)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / tokens.length
}

async function makeTokens(alg: string, key: CryptoKey): Promise<string[]> {
  const now = Math.floor(Date.now() / 1000)
  return Promise.all(
    Array.from({ length: TOKENS }, () =>
      new SignJWT({
        iss: ISSUER,
        sub: 'usr_ne3homgegwz2kohv6liezvuqep',
        aud: RESOURCE,
        client_id: 'https://app.example/client.json',
        scope: 'files:read files:write',
        iat: now,
        exp: now + 3600,
        jti: crypto.randomUUID(),
        auth_time: now,
        grant_id: crypto.randomUUID(),
        email: 'ada@example.com',
      })
        .setProtectedHeader({ typ: 'at+jwt', alg, kid: 'k' })
        .sign(key),
    ),
  )
}

/** The authorization server: its keys, and a feed that has no news and holds its requests. */
async function answer(url: string, jwk: object): Promise<Response> {
  if (url.endsWith('/.well-known/jwks.json')) return Response.json({ keys: [jwk] })
  if (url.includes('cursor=')) await new Promise((resolve) => setTimeout(resolve, 9_000).unref())
  return Response.json({ cursor: 'c', snapshot: !url.includes('cursor='), time: 0, denials: [] })
}

function report(name: string, { bare, never_seen, seen }: Figures): void {
  const share = ((100 * bare) / never_seen).toFixed(0)
  const show = (figure: number) => `${figure.toFixed(1)} µs`
  console.log(
    `${name}: bare signature ${show(bare)}, never seen ${show(never_seen)} (${share}% of the rate), seen ${show(seen)}`,
  )
}
