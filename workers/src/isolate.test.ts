import type { Server } from '@auth-agent/server'
import { LateError } from '@auth-agent/server/shared_work'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Bindings } from './bindings.ts'
import { WorkerInvocation } from './invocation.ts'
import { serverOf } from './isolate.ts'

const { starting, start } = vi.hoisted(() => {
  const starting = Promise.withResolvers<Server>()
  return { starting, start: vi.fn(() => starting.promise) }
})
vi.mock('./start.ts', () => ({ start }))

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const BINDINGS = { HYPERDRIVE: { connectionString: 'postgres://u:p@127.0.0.1:1/a' } } as Bindings

/** A request that needs the server, and whether the platform may end what it began. */
function invoke() {
  const invocation = new WorkerInvocation(BINDINGS)
  const state = { isOver: false }
  const waitUntil = (work: Promise<unknown>) => void work.then(() => Object.assign(state, { isOver: true }))
  const answer = invocation.run({ waitUntil }, () => serverOf(BINDINGS, invocation))
  return { answer: Promise.resolve(answer), state }
}

it('a start goes on for those who joined it when the request that began it has given it up', async () => {
  const first = invoke()
  const given = expect(first.answer).rejects.toThrow(LateError)
  await vi.advanceTimersByTimeAsync(10_000)
  const second = invoke()
  await vi.advanceTimersByTimeAsync(5_000)
  await given
  expect(first.state.isOver).toBe(false)
  const server = { fetch: () => new Response() } as unknown as Server
  starting.resolve(server)
  expect(await second.answer).toBe(server)
  await vi.waitFor(() => expect(first.state.isOver).toBe(true))
  expect(await invoke().answer).toBe(server)
  expect(start).toHaveBeenCalledOnce()
})
