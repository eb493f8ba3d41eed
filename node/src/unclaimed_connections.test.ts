import type { Worker } from 'node:cluster'
import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { closeUnclaimedConnections } from './unclaimed_connections.ts'

/** A worker of node:cluster, as far as connections are handed to it; what it was sent is in `sent`. */
function createWorker() {
  const sent: unknown[] = []
  const send = (message: unknown, _handle?: unknown): boolean => {
    sent.push(message)
    return true
  }
  const child = Object.assign(new EventEmitter(), { send })
  const worker = { process: child } as unknown as Worker
  closeUnclaimedConnections(worker)
  return { child, sent }
}

function createConnection() {
  const connection = {
    isClosed: false,
    close() {
      connection.isClosed = true
    },
  }
  return connection
}

describe('a connection that was handed to a worker', () => {
  it('is closed when the worker ends before it has answered', () => {
    const { child } = createWorker()
    const connection = createConnection()
    child.send({ act: 'newconn', seq: 1 }, connection)
    child.emit('exit')
    expect(connection.isClosed).toBe(true)
  })

  it('is left alone when the worker has answered', () => {
    const { child } = createWorker()
    const connection = createConnection()
    child.send({ act: 'newconn', seq: 1 }, connection)
    child.emit('internalMessage', { ack: 1 })
    child.emit('exit')
    expect(connection.isClosed).toBe(false)
  })

  it('is closed at once where the worker has ended and its channel is not closed yet', () => {
    const { child, sent } = createWorker()
    child.emit('exit')
    const connection = createConnection()
    expect(child.send({ act: 'newconn', seq: 1 }, connection)).toBe(false)
    expect(connection.isClosed).toBe(true)
    expect(sent).toEqual([])
  })
})
