// The entry of the Worker: https://developers.cloudflare.com/workers/runtime-apis/handlers/
import type { Server } from '@auth-agent/server'
import { runInvocation } from '@auth-agent/server/request_scope'
import type { Bindings, ExecutionContext } from './bindings.ts'
import { findClientAddress } from './client_address.ts'
import { WorkerInvocation } from './invocation.ts'
import { serverOf } from './isolate.ts'
import { learnFromAnswer, readAsked, refuseTooMany } from './request_limit.ts'
import { answerUnavailable } from './unavailable.ts'

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

function cannotStart(error: unknown): Response {
  return answerUnavailable('The server cannot start. Its log says why.', 'The server cannot start', error)
}
