import { type HttpConnection, headerOf } from '../../http_connection.ts'
import { inSteps, type Steps } from '../../steps.ts'
import { type Cookies, createPkce } from '../better_auth/browser.ts'
import type { Requests } from './requests.ts'

/** What a client was granted. */
export interface Grant {
  clientId: string
  refreshToken: string
}

/** Authorizes a client in a browser that has signed in: the request, which shows the page, the consent, and the exchange of the code. */
export function* authorize(
  requests: Requests,
  clientId: string,
  cookies: Cookies,
  keep?: (grant: Grant) => void,
): Steps {
  const pkce = createPkce()
  const page = cookies.take(yield requests.authorization(clientId, pkce, cookies))
  const handle = /name="handle" value="([^"]+)"/.exec(page.body)?.[1]
  if (handle === undefined) return false
  const sentBack = cookies.take(yield requests.consent(handle, cookies))
  const code = /[?&]code=([^&]+)/.exec(headerOf(sentBack, 'location') ?? '')?.[1]
  if (code === undefined) return false
  const { status, body } = yield requests.exchange(clientId, pkce, code)
  const refreshToken = /"refresh_token":"([^"]+)"/.exec(body)?.[1]
  if (status !== 200 || refreshToken === undefined || !body.includes('"access_token":"')) return false
  keep?.({ clientId, refreshToken })
  return true
}

/** @throws Error where an answer is another than it should be */
export async function runOnce(connection: HttpConnection, steps: Steps): Promise<void> {
  const user = inSteps(() => steps)
  for (;;) {
    const request = user.next()
    const response = await connection.ask(request)
    const outcome = user.take(response)
    if (outcome === 'finished') return
    if (outcome === 'wrong')
      throw new Error(`${request} was answered with ${response.status} ${response.body.slice(0, 300)}`)
  }
}
