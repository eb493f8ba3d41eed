import { randomBytes } from 'node:crypto'
import { signAccessToken } from '../../../../server/src/tokens/access_token.ts'
import { refreshToken } from '../../../../server/src/tokens/refresh_token.ts'
import { MCP_URL, REDIRECT_URI } from '../../../../tests/support/flow.ts'
import { nthFamily, nthGrant, nthUser, usersFor } from '../../../../tests/support/many_rows.ts'
import { type GrownDatabase, ISSUER } from '../../../scale/grown_database.ts'
import { prepareRequest } from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import { asking, introspecting, reading, refreshing, registering, repeat } from '../../many_users.ts'
import type { Work } from '../../subject.ts'

/** What takes part in the works that need no session; the limit is asked by the same users. */
export type PlainWork = Exclude<Work, 'authorization' | 'password sign-in'>

const HOST = new URL(ISSUER).host
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

/** Of the tokens that were seen before. */
const SEEN = 10_000
/** Each is forgotten by the time it is presented again: the server remembers a fifth of them at the most. */
const UNSEEN = 100_000

/** Makes users that need nothing but what is in the database. */
export async function makePlainUsers(
  grown: GrownDatabase,
  work: PlainWork,
  count: number,
): Promise<readonly VirtualUser[]> {
  const { tokens, denials } = grown.sizes
  switch (work) {
    case 'client credentials':
      return Array.from({ length: count }, (_, index) => clientCredentials(grown, index))
    case 'refresh':
      return Array.from({ length: count }, (_, index) => refresh(grown, index))
    case 'introspection, seen': {
      const live = await signTokens(grown, SEEN, (n) => n % (tokens - denials))
      return introspection(grown, count, live, '"active":true')
    }
    case 'introspection, never seen': {
      const live = await signTokens(grown, UNSEEN, (n) => n % (tokens - denials))
      return introspection(grown, count, live, '"active":true')
    }
    case 'introspection, revoked': {
      const revoked = await signTokens(grown, SEEN, (n) => tokens - 1 - (n % denials))
      return introspection(grown, count, revoked, '{"active":false}')
    }
    case 'introspection, rubbish': {
      const rubbish = Array.from({ length: SEEN }, () => randomBytes(32).toString('base64url'))
      return introspection(grown, count, rubbish, '{"active":false}')
    }
    case 'metadata':
      return repeat(count, () => reading(HOST, '/.well-known/openid-configuration', '"issuer"'))
    case 'JWKS':
      return repeat(count, () => reading(HOST, '/.well-known/jwks.json', '"keys"'))
    case 'registration':
      return Array.from({ length: count }, (_, index) => registering(HOST, '/register', REDIRECT_URI, index))
  }
}

function clientCredentials({ machines }: GrownDatabase, index: number): VirtualUser {
  const { client_id = '', client_secret = '' } = machines[index % machines.length] ?? {}
  const headers = { ...FORM, Authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` }
  const request = prepareRequest({ method: 'POST', path: '/token', host: HOST, headers })
  return asking(() => request('grant_type=client_credentials'), '"access_token":"ey')
}

/** A chain of refresh tokens, of the family of this number. */
function refresh({ context, clientIds }: GrownDatabase, family: number): VirtualUser {
  const request = prepareRequest({ method: 'POST', path: '/token', host: HOST, headers: FORM })
  const client = `grant_type=refresh_token&client_id=${clientIds[family % clientIds.length]}&refresh_token=`
  const first = refreshToken(context.purposeKeys, { family: nthFamily(family), generation: 0 })
  return refreshing(first, (token) => request(client + token))
}

function introspection(
  { world }: GrownDatabase,
  count: number,
  tokens: readonly string[],
  expected: string,
): readonly VirtualUser[] {
  const headers = { ...FORM, Authorization: `Bearer ${world.key}` }
  const request = prepareRequest({ method: 'POST', path: '/introspect', host: HOST, headers })
  return introspecting(count, tokens, request, expected)
}

/** Of the grants that `nth` picks, as the server would sign them; each is another token. */
async function signTokens(
  { context, sizes, clientIds }: GrownDatabase,
  count: number,
  nth: (n: number) => number,
): Promise<string[]> {
  const tokens: string[] = []
  for (let index = 0; index < count; index += 1) {
    const n = nth(index)
    const token = await signAccessToken(context, {
      sub: nthUser(n % usersFor(sizes)),
      clientId: clientIds[n % clientIds.length] ?? '',
      resource: MCP_URL,
      scopes: ['files:read', 'files:write'],
      grantId: nthGrant(n),
      authTime: new Date(),
    })
    tokens.push(token)
  }
  return tokens
}
