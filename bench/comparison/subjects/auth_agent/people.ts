import { hashPassword } from '../../../../server/src/sign_in/password_hash.ts'
import { createPkce, MCP_URL, REDIRECT_URI } from '../../../../tests/support/flow.ts'
import { nthUser } from '../../../../tests/support/many_rows.ts'
import { type GrownDatabase, ISSUER } from '../../../scale/grown_database.ts'
import { Browser } from '../../browser.ts'
import { type HttpResponse, openConnection } from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import { type Walk, walkingUser, walkOnce } from '../../walk.ts'

const PASSWORD = 'correct horse battery staple'

/** Gives the first people of the database a password that they know. */
export async function givePasswords(
  { database }: GrownDatabase,
  count: number,
  iterations: number,
): Promise<void> {
  const users = Array.from({ length: count }, (_, n) => nthUser(n))
  const text = 'update auth_agent.credentials set password_hash = $1 where user_id = any($2)'
  const passwordHash = await hashPassword(PASSWORD, { iterations })
  await database.query({ name: 'bench_give_passwords', text }, [passwordHash, users])
}

/** Signs in by password, each time in a browser that knows nothing yet. */
export function signingIn(person: number): VirtualUser {
  return walkingUser(() => signIn(person, new Browser(ISSUER)))
}

/** Who has signed in authorizes a client, and is asked for consent each time. */
export async function authorizing(
  { clientIds }: GrownDatabase,
  person: number,
  port: number,
): Promise<VirtualUser> {
  const browser = new Browser(ISSUER)
  const connection = await openConnection(port)
  await walkOnce(connection, signIn(person, browser))
  connection.close()
  return walkingUser(() => authorize(clientIds[person % clientIds.length] ?? '', browser))
}

/** Leads to where the sign-in sends the browser. */
function* signIn(person: number, browser: Browser): Walk<string> {
  const page = yield browser.get('/sign-in')
  browser.follow(page)
  const fields = hiddenFields(page, '/sign-in')
  fields.set('email', `person${person}@example.com`)
  fields.set('password', PASSWORD)
  fields.set('method', 'password')
  return browser.follow(yield browser.post('/sign-in', fields.toString())) || undefined
}

/** Leads to the answer with the tokens. */
function* authorize(clientId: string, browser: Browser): Walk<string> {
  const pkce = createPkce()
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    prompt: 'consent',
    resource: MCP_URL,
    scope: 'files:read files:write',
  })
  const page = yield browser.get(`/authorize?${query}`)
  browser.follow(page)
  const fields = hiddenFields(page, '/consent')
  fields.append('scope', 'files:read')
  fields.append('scope', 'files:write')
  fields.set('decision', 'approve')
  const sentTo = browser.follow(yield browser.post('/consent', fields.toString()))
  const code = /[?&]code=([^&]+)/.exec(sentTo)?.[1]
  if (code === undefined) return undefined
  const exchange = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code_verifier: pkce.verifier,
    code,
  })
  const { status, body } = yield browser.post('/token', exchange.toString())
  const isRight =
    status === 200 && body.includes('"access_token":"ey') && body.includes('"refresh_token":"rt_')
  return isRight ? body : undefined
}

/** What the form that leads to `action` holds; empty where the page has no such form, which the server then refuses. */
function hiddenFields({ body }: HttpResponse, action: string): URLSearchParams {
  const start = body.indexOf(`action="${action}"`)
  const form = start === -1 ? '' : body.slice(start, body.indexOf('</form>', start))
  const fields = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
  return new URLSearchParams(fields.map(([, name = '', value = '']) => [name, value]))
}
