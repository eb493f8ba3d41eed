// The entry of the Worker: https://developers.cloudflare.com/workers/runtime-apis/handlers/
import type { Bindings, ExecutionContext } from './bindings.ts'
import { findClientAddress } from './client_address.ts'
import { serverOf } from './isolate.ts'
import { runWithConnections } from './request_connections.ts'
import { learnFromAnswer, readAsked, refuseTooMany } from './request_limit.ts'

/** Answers requests, and once a minute cleans up and rotates keys. */
export default {
  async fetch(request: Request, bindings: Bindings, execution: ExecutionContext): Promise<Response> {
    const clientAddress = findClientAddress(request.headers)
    const asked = readAsked(bindings, request)
    const counting = refuseTooMany(bindings, asked, clientAddress)
    // A document waits for nothing here.
    const refusal = counting === undefined ? undefined : await counting
    if (refusal !== undefined) return refusal
    return runWithConnections(bindings.HYPERDRIVE, execution, async () => {
      try {
        const server = await serverOf(bindings)
        const response = await server.fetch(request, { clientAddress, loopback: false })
        learnFromAnswer(asked, response)
        return response
      } catch (error) {
        return cannotStart(error)
      }
    })
  },

  async scheduled(_event: unknown, bindings: Bindings, execution: ExecutionContext): Promise<void> {
    await runWithConnections(bindings.HYPERDRIVE, execution, async () =>
      (await serverOf(bindings)).maintain(),
    )
  },
}

/** The sentence is for the operator, who reads the log; the public learns that there is nothing to be had. */
function cannotStart(error: unknown): Response {
  const { message } = error instanceof Error ? error : new Error(String(error))
  console.error(
    JSON.stringify({ level: 'error', service: 'auth-agent', msg: `The server cannot start: ${message}` }),
  )
  const body = {
    error: 'temporarily_unavailable',
    error_description: 'The server cannot start. Its log says why.',
  }
  return Response.json(body, { status: 503, headers: { 'Retry-After': '30', 'Cache-Control': 'no-store' } })
}
