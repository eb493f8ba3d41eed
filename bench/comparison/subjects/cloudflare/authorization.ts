import { createPkce } from '../../../../tests/support/flow.ts'
import type { Cookies } from '../../cookies.ts'
import { headerOf } from '../../http_connection.ts'
import type { Walk } from '../../walk.ts'
import type { Requests } from './requests.ts'

/** What a client was granted. */
export interface Grant {
  clientId: string
  refreshToken: string
}

/** Authorizes a client in a browser that has signed in: the request, which shows the page, the consent, and the exchange of the code. */
export function* authorize(requests: Requests, clientId: string, cookies: Cookies): Walk<Grant> {
  const pkce = createPkce()
  const page = cookies.take(yield requests.authorization(clientId, pkce, cookies))
  const handle = /name="handle" value="([^"]+)"/.exec(page.body)?.[1]
  if (handle === undefined) return undefined
  const sentBack = cookies.take(yield requests.consent(handle, cookies))
  const code = /[?&]code=([^&]+)/.exec(headerOf(sentBack, 'location') ?? '')?.[1]
  if (code === undefined) return undefined
  const { status, body } = yield requests.exchange(clientId, pkce, code)
  const refreshToken = /"refresh_token":"([^"]+)"/.exec(body)?.[1]
  if (status !== 200 || refreshToken === undefined || !body.includes('"access_token":"')) return undefined
  return { clientId, refreshToken }
}
