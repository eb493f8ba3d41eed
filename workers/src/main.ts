// The entry of the Worker: https://developers.cloudflare.com/workers/runtime-apis/handlers/
import type { Server } from '@auth-agent/server'
import { runRequest } from '@auth-agent/server/request_scope'
import type { Bindings, ExecutionContext } from './bindings.ts'
import { findClientAddress } from './client_address.ts'
import { WorkerEvent } from './event.ts'
import { serverOf } from './isolate.ts'
import { type Asked, learnFromAnswer, readAsked, refuseTooMany } from './request_limit.ts'

/** Answers requests, and once a minute cleans up and rotates keys. */
export default {
  /** At once where nothing is waited for, as for a document. */
  fetch(request: Request, bindings: Bindings, execution: ExecutionContext): Response | Promise<Response> {
    const event = new WorkerEvent(bindings, findClientAddress(request.headers))
    const asked = readAsked(bindings, request)
    const answering = () => event.run(execution, () => answer(request, bindings, event, asked))
    const counting = refuseTooMany(bindings, asked, event.clientAddress)
    return counting === undefined ? answering() : counting.then((refusal) => refusal ?? answering())
  },

  async scheduled(_event: unknown, bindings: Bindings, execution: ExecutionContext): Promise<void> {
    const event = new WorkerEvent(bindings, undefined)
    await event.run(execution, async () => {
      const server = await serverOf(bindings, event)
      return runRequest(event, () => server.maintain())
    })
  },
}

function answer(
  request: Request,
  bindings: Bindings,
  event: WorkerEvent,
  asked: Asked,
): Response | Promise<Response> {
  const answerBy = (server: Server) => learnFromAnswer(asked, server.fetch(request, event))
  const server = serverOf(bindings, event)
  return server instanceof Promise ? server.then(answerBy, cannotStart) : answerBy(server)
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
