import { createServer } from 'node:http'
import Provider, { type AdapterFactory } from 'oidc-provider'
import { configurationOf } from './configuration.ts'
import { interactionsOf } from './interactions.ts'

/** `oidc-provider` at `PORT`, with the secrets of the environment. */
export function serve(adapter: AdapterFactory): void {
  const { PORT, SIGNING_KEY = '', COOKIE_KEY = '' } = process.env
  const secrets = { signingKey: JSON.parse(SIGNING_KEY), cookieKey: COOKIE_KEY }
  const provider = new Provider(`http://127.0.0.1:${PORT}`, configurationOf(adapter, secrets))
  provider.on('server_error', (_ctx, error) => console.error(error))
  const answer = provider.callback()
  const interact = interactionsOf(provider)
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/interaction/')) interact(request, response)
    else answer(request, response)
  })
  server.listen(Number(PORT), '127.0.0.1')
}
