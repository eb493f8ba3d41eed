import { refreshToken } from '../../server/src/tokens/refresh_token.ts'
import { nthFamily } from '../../tests/support/many_rows.ts'
import { prepareRequest } from '../comparison/http_connection.ts'
import type { VirtualUser } from '../comparison/load.ts'
import { repeat } from '../comparison/many_users.ts'
import { makePlainUsers } from '../comparison/subjects/auth_agent/users.ts'
import { type GrownDatabase, ISSUER } from './grown_database.ts'

/** Who asks in a turn. */
export interface Load {
  name: string
  users: readonly VirtualUser[]
}

/** @param count of the users of each */
export async function makeLoads(grown: GrownDatabase, count: number): Promise<Load[]> {
  const introspect = (which: 'seen' | 'revoked') => makePlainUsers(grown, `introspection, ${which}`, count)
  return [
    { name: 'token (client credentials)', users: await makePlainUsers(grown, 'client credentials', count) },
    { name: 'refresh', users: refreshingAnyFamily(grown, count) },
    { name: 'introspection', users: await introspect('seen') },
    { name: 'introspection of revoked tokens', users: await introspect('revoked') },
  ]
}

/**
 * Each refresh is the next of its family, and the family any of all that there are: so every page of the table and of its indexes is as
 * likely as another.
 */
function refreshingAnyFamily({ context, sizes, clientIds }: GrownDatabase, count: number) {
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const request = prepareRequest({ method: 'POST', path: '/token', host: new URL(ISSUER).host, headers })
  const generations = new Map<number, number>()
  const busy = new Set<number>()
  const pick = (): number => {
    const n = Math.floor(Math.random() * (sizes.tokens - sizes.denials))
    return busy.has(n) ? pick() : n
  }
  return repeat(count, () => {
    let n = 0
    return {
      next() {
        n = pick()
        busy.add(n)
        const generation = generations.get(n) ?? 0
        const token = refreshToken(context.purposeKeys, { family: nthFamily(n), generation })
        return request(
          `grant_type=refresh_token&client_id=${clientIds[n % clientIds.length]}&refresh_token=${token}`,
        )
      },
      take({ status, body }) {
        busy.delete(n)
        if (status !== 200 || !body.includes('"access_token":"ey')) return 'wrong'
        generations.set(n, (generations.get(n) ?? 0) + 1)
        return 'finished'
      },
    }
  })
}
