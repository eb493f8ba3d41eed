import { runInvocation } from '@auth-agent/server/request_scope'
import { describe, expect, it } from 'vitest'
import { invocationDatabase, WorkerInvocation } from './invocation.ts'

const bindings = { HYPERDRIVE: { connectionString: 'postgres://nobody@127.0.0.1:9/nothing' } }

function start() {
  const kept: Promise<unknown>[] = []
  const execution = { waitUntil: (work: Promise<unknown>) => void kept.push(work) }
  return { invocation: new WorkerInvocation(bindings), execution, kept }
}

/** Whether a promise is settled once all that is ready has been done. */
async function isSettled(promise: Promise<unknown> | undefined): Promise<boolean> {
  let settled = false
  void promise?.finally(() => {
    settled = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  return settled
}

describe('an invocation', () => {
  it('that is over at once is not kept', () => {
    const { invocation, execution, kept } = start()
    expect(invocation.run(execution, () => 'a document')).toBe('a document')
    expect(kept).toEqual([])
  })

  it('is kept until its work is done, also where that fails', async () => {
    const { invocation, execution, kept } = start()
    const work = Promise.withResolvers<string>()
    const result = invocation.run(execution, () => work.promise)
    expect(await isSettled(kept[0])).toBe(false)
    work.reject(new Error('It failed.'))
    await expect(result).rejects.toThrow('It failed.')
    expect(await isSettled(kept[0])).toBe(true)
  })

  it('that is answered at once is kept until what it began is done, and what that began', async () => {
    const { invocation, execution, kept } = start()
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    invocation.run(execution, () => invocation.continueAfterAnswer(first.promise))
    expect(await isSettled(kept[0])).toBe(false)
    invocation.continueAfterAnswer(second.promise)
    first.resolve()
    expect(await isSettled(kept[0])).toBe(false)
    second.resolve()
    expect(await isSettled(kept[0])).toBe(true)
  })

  it('connects for itself, and only in its scope', async () => {
    const { invocation, execution, kept } = start()
    const ask = () => invocationDatabase.query({ name: 'one', text: 'select 1' })
    expect(ask).toThrow('outside of every invocation')
    const asked = invocation.run(execution, () => runInvocation(invocation, ask))
    await expect(asked).rejects.toThrow('The database cannot be reached.')
    expect(await isSettled(kept[0])).toBe(true)
  })
})
