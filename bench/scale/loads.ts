import type autocannon from 'autocannon'
import { signAccessToken } from '../../server/src/tokens/access_token.ts'
import { refreshToken } from '../../server/src/tokens/refresh_token.ts'
import { MCP_URL } from '../../tests/support/flow.ts'
import { nthFamily, nthGrant, nthUser, usersFor } from '../../tests/support/many_rows.ts'
import type { GrownDatabase } from './grown_database.ts'

/** What the connections ask in a turn, each request made anew. */
export interface Load {
  name: string
  request(): autocannon.Request
}

/** As many as a busy minute would present; the server keeps none of them. */
const TOKENS = 5_000

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

export async function makeLoads(grown: GrownDatabase): Promise<Load[]> {
  const { tokens, denials } = grown.sizes
  const live = await signTokens(grown, (n) => Math.floor((n / TOKENS) * (tokens - denials)))
  const revoked = await signTokens(grown, (n) => tokens - 1 - (n % denials))
  return [
    clientCredentials(grown),
    refresh(grown),
    introspection('introspection', grown, live),
    introspection('introspection of revoked tokens', grown, revoked),
  ]
}

function clientCredentials({ world }: GrownDatabase): Load {
  const { client_id, client_secret = '' } = world.machine
  const headers = { ...FORM, authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` }
  return {
    name: 'token (client credentials)',
    request: () => ({ method: 'POST', path: '/token', headers, body: 'grant_type=client_credentials' }),
  }
}

/**
 * Each of them the next of its family, and the family any of all that there are: so every page of the table and of
 * its indexes is as likely as another.
 */
function refresh({ context, sizes, clientIds }: GrownDatabase): Load {
  const generations = new Map<number, number>()
  const busy = new Set<number>()
  const next = (): number => {
    const n = Math.floor(Math.random() * (sizes.tokens - sizes.denials))
    return busy.has(n) ? next() : n
  }
  const bodyOf = (n: number): string => {
    const token = refreshToken(context.purposeKeys, {
      family: nthFamily(n),
      generation: generations.get(n) ?? 0,
    })
    const client_id = clientIds[n % clientIds.length] ?? ''
    return new URLSearchParams({ grant_type: 'refresh_token', client_id, refresh_token: token }).toString()
  }
  return {
    name: 'refresh',
    request: () => ({
      method: 'POST',
      path: '/token',
      headers: FORM,
      setupRequest(request, shared) {
        const n = next()
        busy.add(n)
        Object.assign(shared, { n })
        return { ...request, body: bodyOf(n) }
      },
      onResponse(status, _body, shared) {
        const { n } = shared as { n: number }
        busy.delete(n)
        if (status === 200) generations.set(n, (generations.get(n) ?? 0) + 1)
      },
    }),
  }
}

function introspection(name: string, { world }: GrownDatabase, tokens: readonly string[]): Load {
  const headers = { ...FORM, authorization: `Bearer ${world.key}` }
  let count = 0
  return {
    name,
    request: () => ({
      method: 'POST',
      path: '/introspect',
      headers,
      setupRequest(request) {
        count += 1
        return { ...request, body: `token=${tokens[count % tokens.length]}` }
      },
    }),
  }
}

/** Of the grants that `nth` picks, as the server would sign them. */
async function signTokens(
  { context, sizes, clientIds }: GrownDatabase,
  nth: (n: number) => number,
): Promise<string[]> {
  const tokens: string[] = []
  for (let index = 0; index < TOKENS; index += 1) {
    const n = nth(index)
    tokens.push(
      await signAccessToken(context, {
        sub: nthUser(n % usersFor(sizes)),
        clientId: clientIds[n % clientIds.length] ?? '',
        resource: MCP_URL,
        scopes: ['files:read', 'files:write'],
        grantId: nthGrant(n),
        authTime: new Date(),
      }),
    )
  }
  return tokens
}
