// The entry of the Worker: https://developers.cloudflare.com/workers/runtime-apis/handlers/
import type { Server } from '@auth-agent/server'
import { runInvocation } from '@auth-agent/server/request_scope'
import type { Bindings, ExecutionContext } from './bindings.ts'
import { findClientAddress } from './client_address.ts'
import { WorkerInvocation } from './invocation.ts'
import { serverOf } from './isolate.ts'
import { learnFromAnswer, readAsked, refuseTooMany } from './request_limit.ts'

/** Answers requests, and once a minute cleans up and rotates keys. */
export default {
  /** At once where nothing is waited for, as for a document. */
  fetch(request: Request, bindings: Bindings, execution: ExecutionContext): Response | Promise<Response> {
    const clientAddress = findClientAddress(request.headers)
    const asked = readAsked(bindings, request)
    const invocation = new WorkerInvocation(bindings)
    const answer = (server: Server) =>
      learnFromAnswer(asked, server.fetch(request, { clientAddress, loopback: false, invocation }))
    const answering = () => invocation.run(execution, () => withServer(bindings, invocation, answer))
    const counting = refuseTooMany(bindings, asked, clientAddress)
    return counting === undefined ? answering() : counting.then((refusal) => refusal ?? answering())
  },

  async scheduled(_event: unknown, bindings: Bindings, execution: ExecutionContext): Promise<void> {
    const invocation = new WorkerInvocation(bindings)
    await invocation.run(execution, async () => {
      const server = await serverOf(bindings, invocation)
      return runInvocation(invocation, () => server.maintain())
    })
  },
}

function withServer(
  bindings: Bindings,
  invocation: WorkerInvocation,
  answer: (server: Server) => Response | Promise<Response>,
): Response | Promise<Response> {
  const server = serverOf(bindings, invocation)
  return server instanceof Promise ? server.then(answer, cannotStart) : answer(server)
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
