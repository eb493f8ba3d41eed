import { Cookies } from '../../cookies.ts'
import type { HttpConnection } from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import { asker, inParallel, repeat } from '../../many_users.ts'
import type { Subject, Work } from '../../subject.ts'
import { walkingUser, walkOnce } from '../../walk.ts'
import { authorize, type Grant } from './authorization.ts'
import { createRequests, type Requests } from './requests.ts'

/** @returns what makes the users of a work */
export function createUsers(port: number): Subject['users'] {
  const requests = createRequests(`127.0.0.1:${port}`)
  const makers: Partial<Readonly<Record<Work, (count: number) => Promise<readonly VirtualUser[]>>>> = {
    refresh: (count) =>
      inParallel(port, count, async (connection, person) =>
        refresher(requests, await grantAccess(requests, connection, person)),
      ),
    authorization: (count) =>
      inParallel(port, count, async (connection, person) => {
        const clientId = await register(requests, connection)
        const cookies = signedIn(`authorizing-${person}`)
        return walkingUser(() => authorize(requests, clientId, cookies))
      }),
    metadata: async (count) => repeat(count, () => reader(requests)),
    registration: async (count) => repeat(count, () => registrant(requests)),
  }
  return async (work, count) => (await makers[work]?.(count)) ?? []
}

async function grantAccess(requests: Requests, connection: HttpConnection, person: number): Promise<Grant> {
  const clientId = await register(requests, connection)
  return walkOnce(connection, authorize(requests, clientId, signedIn(`refreshing-${person}`)))
}

async function register({ registration }: Requests, connection: HttpConnection): Promise<string> {
  const { body } = await connection.ask(registration)
  return (JSON.parse(body) as { client_id: string }).client_id
}

/** Of a browser in which somebody has signed in. */
function signedIn(name: string): Cookies {
  const cookies = new Cookies()
  cookies.set('user', name)
  return cookies
}

/** Goes along the chain of refresh tokens that begins with a grant. */
function refresher({ refresh }: Requests, { clientId, refreshToken }: Grant): VirtualUser {
  let token = refreshToken
  return {
    next: () => refresh(clientId, token),
    take({ status, body }) {
      const next = /"refresh_token":"([^"]+)"/.exec(body)?.[1]
      if (status !== 200 || next === undefined || next === token || !body.includes('"access_token":"'))
        return 'wrong'
      token = next
      return 'finished'
    },
  }
}

function reader({ metadata }: Requests): VirtualUser {
  return asker(
    () => metadata,
    ({ status, body }) => status === 200 && body.includes('"issuer":"'),
  )
}

function registrant({ registration }: Requests): VirtualUser {
  return asker(
    () => registration,
    ({ status, body }) => status === 201 && body.includes('"client_id":"'),
  )
}
