import { PASSWORD, personRepresentation, REALM, REALM_REPRESENTATION } from './realm.ts'

const ADMIN = 'admin'

/** Has the first start make somebody who may use the Admin REST API. */
export const BOOTSTRAP = { KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN, KC_BOOTSTRAP_ADMIN_PASSWORD: PASSWORD }

/** Makes the realm; `more` is what differs from the usual one. */
export async function createRealm(port: number, more: object): Promise<void> {
  await post(port, '/admin/realms', [{ ...REALM_REPRESENTATION, ...more }])
}

/** Makes people up to this number. */
export async function createPeople(port: number, count: number): Promise<void> {
  const people = Array.from({ length: count }, (_, person) => personRepresentation(person))
  await post(port, `/admin/realms/${REALM}/users`, people)
}

/** Creates each of these; one that is there already is left as it is. */
async function post(port: number, path: string, representations: readonly object[]): Promise<void> {
  const base = `http://127.0.0.1:${port}`
  const headers = {
    Authorization: `Bearer ${await accessToken(base)}`,
    'Content-Type': 'application/json',
  }
  for (const representation of representations) {
    const body = JSON.stringify(representation)
    const response = await fetch(`${base}${path}`, { method: 'POST', headers, body })
    const text = await response.text()
    if (response.status !== 201 && response.status !== 409)
      throw new Error(`Keycloak answers ${path} with ${response.status}: ${text}`)
  }
}

async function accessToken(base: string): Promise<string> {
  const response = await fetch(`${base}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: 'admin-cli',
      username: ADMIN,
      password: PASSWORD,
    }),
  })
  const { access_token } = (await response.json()) as { access_token?: string }
  if (access_token === undefined) throw new Error('Keycloak signs its administrator in no more.')
  return access_token
}
