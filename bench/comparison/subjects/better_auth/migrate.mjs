/** Makes the tables and the clients of two services of the operator, and prints these clients as JSON. */
import { auth, OPERATOR, pool } from './auth.mjs'
import { importInstalled } from './import_installed.mjs'

const { getMigrations } = await importInstalled('better-auth/db/migration')

await (await getMigrations(auth.options)).runMigrations()
const signedUp = await auth.api.signUpEmail({
  body: { email: OPERATOR, name: 'Operator', password: 'a password of the operator' },
  asResponse: true,
})
const cookies = signedUp.headers.getSetCookie().map((cookie) => cookie.split(';', 1)[0])
const headers = new Headers({ cookie: cookies.join('; ') })

console.log(JSON.stringify({ machine: await createService('Machine'), api: await createService('API') }))
await pool.end()

async function createService(name) {
  const body = { client_name: name, grant_types: ['client_credentials'], client_credentials_scopes: ['mcp'] }
  const { client_id: id, client_secret: secret } = await auth.api.adminCreateOAuthClient({ headers, body })
  const params = { identifier: process.env.RESOURCE, client_id: id }
  await auth.api.adminLinkClientResource({ headers, params })
  return { id, secret }
}
