import { createHash, randomBytes } from 'node:crypto'
import { hashPassword } from '../../../../server/src/sign_in/password_hash.ts'
import { MCP_URL, REDIRECT_URI } from '../../../../tests/support/flow.ts'
import { nthUser } from '../../../../tests/support/many_rows.ts'
import { type GrownDatabase, ISSUER } from '../../../scale/grown_database.ts'
import {
  cookiesOf,
  type HttpResponse,
  headerOf,
  openConnection,
  prepareRequest,
} from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import { inSteps, type Steps } from '../../steps.ts'

const { host: HOST, origin: ORIGIN } = new URL(ISSUER)
const PASSWORD = 'correct horse battery staple'
/** As the server does it by itself on Node. */
const ITERATIONS = 600_000

/** Gives the first people of the database a password that they know. */
export async function givePasswords({ database }: GrownDatabase, count: number): Promise<void> {
  const users = Array.from({ length: count }, (_, n) => nthUser(n))
  const text = 'update auth_agent.credentials set password_hash = $1 where user_id = any($2)'
  const passwordHash = await hashPassword(PASSWORD, ITERATIONS)
  await database.query({ name: 'bench_give_passwords', text }, [passwordHash, users])
}

/** Signs in by password, each time in a browser that knows nothing yet. */
export function signingIn(person: number): VirtualUser {
  return inSteps(() => signIn(person, new Map()))
}

/** Who has signed in authorizes a client, and is asked for consent each time. */
export async function authorizing(
  { clientIds }: GrownDatabase,
  person: number,
  port: number,
): Promise<VirtualUser> {
  const cookies: Cookies = new Map()
  await runOnce(signIn(person, cookies), port)
  return inSteps(() => authorize(clientIds[person % clientIds.length] ?? '', cookies))
}

type Cookies = Map<string, string>

function* signIn(person: number, cookies: Cookies): Steps {
  const page = keepCookies(cookies, yield get('/sign-in', cookies))
  const fields = hiddenFields(page, '/sign-in')
  fields.set('email', `person${person}@example.com`)
  fields.set('password', PASSWORD)
  fields.set('method', 'password')
  const before = cookies.size
  const answer = keepCookies(cookies, yield post('/sign-in', fields, cookies))
  return answer.status === 303 && cookies.size > before
}

function* authorize(clientId: string, cookies: Cookies): Steps {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    prompt: 'consent',
    resource: MCP_URL,
    scope: 'files:read files:write',
  })
  const page = keepCookies(cookies, yield get(`/authorize?${query}`, cookies))
  const fields = hiddenFields(page, '/consent')
  fields.append('scope', 'files:read')
  fields.append('scope', 'files:write')
  fields.set('decision', 'approve')
  const sentBack = keepCookies(cookies, yield post('/consent', fields, cookies))
  const code = /[?&]code=([^&]+)/.exec(headerOf(sentBack, 'location') ?? '')?.[1]
  if (code === undefined) return false
  const exchange = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code_verifier: verifier,
    code,
  })
  const { status, body } = yield post('/token', exchange, new Map())
  return status === 200 && body.includes('"access_token":"ey') && body.includes('"refresh_token":"rt_')
}

function get(path: string, cookies: Cookies): string {
  return prepareRequest({ method: 'GET', path, host: HOST, headers: cookieHeader(cookies) })()
}

function post(path: string, fields: URLSearchParams, cookies: Cookies): string {
  const headers = {
    'Content-Type': 'application/x-www-form-urlencoded',
    Origin: ORIGIN,
    ...cookieHeader(cookies),
  }
  return prepareRequest({ method: 'POST', path, host: HOST, headers })(fields.toString())
}

function cookieHeader(cookies: Cookies): Record<string, string> {
  const pairs = [...cookies].map(([name, value]) => `${name}=${value}`)
  return pairs.length === 0 ? {} : { Cookie: pairs.join('; ') }
}

function keepCookies(cookies: Cookies, response: HttpResponse): HttpResponse {
  for (const [name, value] of cookiesOf(response)) cookies.set(name, value)
  return response
}

/** What the form that leads to `action` holds; empty where the page has no such form, which the server then refuses. */
function hiddenFields({ body }: HttpResponse, action: string): URLSearchParams {
  const start = body.indexOf(`action="${action}"`)
  const form = start === -1 ? '' : body.slice(start, body.indexOf('</form>', start))
  const fields = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
  return new URLSearchParams(fields.map(([, name = '', value = '']) => [name, value]))
}

async function runOnce(steps: Steps, port: number): Promise<void> {
  const connection = await openConnection(port)
  const user = inSteps(() => steps)
  for (let outcome = 'under way'; outcome !== 'finished'; ) {
    const response = await connection.ask(user.next())
    outcome = user.take(response)
    if (outcome === 'wrong')
      throw new Error(`The sign-in was answered with ${response.status}: ${response.body}`)
  }
  connection.close()
}
