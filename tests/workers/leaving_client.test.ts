import { type ClientRequest, get, type IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { findFreePort } from '../support/main_process.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { startBareWorkerd } from './bare_workerd.ts'
import { startTcpRelay } from './tcp_relay.ts'
import { SECRETS } from './workerd/settings.ts'

/** How long the departure may take to be noticed. What is expected does not depend on it; what it finds out does. */
const NOTICED_AFTER = 1_000

it('a start goes on when the client goes away for whom it began, and serves the next', async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const relay = await startTcpRelay(database.url)
  onTestFinished(() => relay.close())
  const port = await findFreePort()
  await startBareWorkerd(port, relay.url, { ISSUER_URL: `http://localhost:${port}`, ...SECRETS })

  relay.hang()
  const connecting = relay.nextConnection()
  const leaving = ask(port)
  await connecting
  await leave(leaving)
  await relay.resume()
  const next = ask(port)
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    next.on('response', resolve).on('error', reject)
  })
  expect(answer.resume().statusCode).toBe(200)
})

function ask(port: number): ClientRequest {
  const headers = { Host: `localhost:${port}` }
  return get({ host: '127.0.0.1', port, path: '/.well-known/jwks.json', headers, agent: false })
}

/** By a reset: who only says that he sends no more may still be waiting for an answer. */
async function leave(request: ClientRequest): Promise<void> {
  request.on('error', () => {})
  request.socket?.resetAndDestroy()
  await setTimeout(NOTICED_AFTER)
}
