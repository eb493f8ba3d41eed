import type { AuthorizationServer, Case, Expectation, Reply, Request, Step } from './case.ts'
import { healthy } from './case.ts'
import { isGoodProof, type Proofs } from './check_proof.ts'
import { isGoodAnswer, isGoodToken } from './check_token.ts'
import type { Members } from './tokens.ts'

/**
 * Reads the cases again with jose, which had no part in making them, and says where a token, proof or denial is
 * not what its case says. It checks the credential alone: not scopes, tools, CORS or metadata.
 */
type Outcome = 'good' | 'invalid_token' | 'invalid_dpop_proof' | 'temporarily_unavailable'

/** What the fake server said so far in a case. */
interface Known {
  readonly cursor: string
  readonly heard: number
  /** What the feed said that the time is. */
  readonly time: number
  readonly denials: readonly Members[]
  readonly keySets: readonly Reply[]
}

export async function checkCases(cases: readonly Case[]): Promise<void> {
  const names = new Set(cases.map(({ name }) => name))
  if (names.size !== cases.length) throw new Error('two cases have one name')
  for (const each of cases) await checkCase(each)
}

async function checkCase({ name, options, steps = [] }: Case): Promise<void> {
  let server: AuthorizationServer = healthy
  let known: Known = { cursor: '', heard: Number.NEGATIVE_INFINITY, time: 0, denials: [], keySets: [] }
  const proofs: Proofs = new Set()
  for (const [index, step] of steps.entries()) {
    server = { ...server, ...step.authorization_server }
    checkRequest(name, step.request)
    const expected = expectedOutcome(step.expect)
    const token = tokenOf(step.request)
    if (expected === undefined || token === undefined || options['resource'] === undefined) continue
    known = hear(known, server, step.now)
    const actual = await outcome(token, step, options, server, known, proofs)
    if (actual !== expected) throw new Error(`${name}, step ${index + 1}: ${actual}, not ${expected}`)
  }
}

function checkRequest(name: string, { headers }: Request): void {
  for (const value of headers.flat()) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a header must not have
    if (/[\x00-\x1f\x7f]|[^\x00-\xff]/.test(value)) throw new Error(`${name}: no header is ${value}`)
  }
}

/** What the answer says of the credential; undefined where it says nothing of it. */
function expectedOutcome({ status, reached, auth, body }: Expectation): Outcome | undefined {
  const error = body !== undefined && 'error' in body ? body.error : undefined
  if (error === 'invalid_token' || error === 'invalid_dpop_proof' || error === 'temporarily_unavailable')
    return error
  if (status === 403 && error !== undefined) return 'good'
  return reached && auth !== null ? 'good' : undefined
}

/** The token, in as far as it is one of `b64token` characters in one header. */
function tokenOf({ headers }: Request): string | undefined {
  const values = headers.filter(([name]) => name.toLowerCase() === 'authorization').map(([, value]) => value)
  return values.length === 1 ? /^(?:Bearer|DPoP) +([\w.~+/-]+=*)$/i.exec(values[0] ?? '')?.[1] : undefined
}

const isReply = (value: unknown): value is Reply =>
  typeof value === 'string' || (typeof value === 'object' && value !== null && 'status' in value)

export const replyOf = (value: Reply | Readonly<Record<string, Reply>> | undefined, key: string): Reply =>
  isReply(value) ? value : (value?.[key] ?? { status: 404, body: {} })

/** Asks for revocations and keys, as an SDK does that keeps every set of keys that it ever had. */
function hear(known: Known, server: AuthorizationServer, now: number): Known {
  const cursor = now - known.heard > 30 ? '' : known.cursor
  const keySets = server.jwks === undefined ? known.keySets : [...known.keySets, server.jwks]
  const reply = replyOf(server.revocations, cursor)
  const body = reply === 'unreachable' || reply.status !== 200 ? undefined : (reply.body as Members | null)
  if (!isFeed(body) || now - known.heard < 0.5) {
    return { ...known, keySets }
  }
  const before = body['snapshot'] === true ? [] : known.denials
  return {
    cursor: String(body['cursor']),
    heard: now,
    time: Number(body['time']),
    denials: [...before, ...(body['denials'] as Members[])],
    keySets,
  }
}

const isFeed = (body: Members | null | undefined): body is Members =>
  Array.isArray(body?.['denials']) && typeof body['cursor'] === 'string' && typeof body['time'] === 'number'

async function outcome(
  token: string,
  { now, request }: Step,
  options: Members,
  server: AuthorizationServer,
  known: Known,
  proofs: Proofs,
): Promise<Outcome> {
  if (token.length > 16_384) return 'invalid_token'
  const claims = options['validation'] === 'local' ? await validated() : introspected()
  if (typeof claims === 'string') return claims
  const cnf = claims['cnf'] as Members | undefined
  const isDpop = request.headers.some(([, value]) => /^dpop /i.test(value))
  if ((cnf !== undefined && !hasOnlyJkt(cnf)) || (cnf !== undefined) !== isDpop) return 'invalid_token'
  if (cnf === undefined) return 'good'
  const proven = await isGoodProof(
    request,
    token,
    String(cnf['jkt']),
    String(options['resource']),
    now,
    proofs,
  )
  return proven ? 'good' : 'invalid_dpop_proof'

  function introspected(): Members | Outcome {
    const answer = isGoodAnswer(replyOf(server.introspection, token), options, now)
    if (typeof answer === 'string') return answer
    return known.denials.some((denial) => denies(denial, answer, known, now)) ? 'invalid_token' : answer
  }

  async function validated(): Promise<Members | Outcome> {
    const verified = await isGoodToken(token, known.keySets, server.jwks, options, now)
    if (typeof verified === 'string') return verified
    if (now - known.heard > Number(options['max_staleness'] ?? 30)) return introspected()
    return known.denials.some((denial) => denies(denial, verified, known, now)) ? 'invalid_token' : verified
  }
}

const hasOnlyJkt = (cnf: unknown): boolean =>
  typeof cnf === 'object' &&
  cnf !== null &&
  Object.keys(cnf).join() === 'jkt' &&
  typeof (cnf as Members)['jkt'] === 'string'

const claimOf: Readonly<Record<string, string>> = {
  token: 'jti',
  grant: 'grant_id',
  user: 'sub',
  client: 'client_id',
  server: 'aud',
}

/** A denial ends when both clocks say so. */
function denies(
  { kind, subject, cutoff, expires_at }: Members,
  claims: Members,
  { time }: Known,
  now: number,
): boolean {
  const claim = claimOf[String(kind)]
  const isOld = cutoff === undefined || Number(claims['iat']) <= Number(cutoff)
  return claim !== undefined && claims[claim] === subject && isOld && Number(expires_at) > Math.min(now, time)
}
