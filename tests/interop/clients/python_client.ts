import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { findPython } from '../../support/python.ts'
import type { ClientOptions, Credentials, McpClient } from './client.ts'

const PROGRAM = fileURLToPath(new URL('./python_client.py', import.meta.url))

interface Message {
  authorize?: string
  revision?: string
  result?: string
  error?: string
}

/** Starts a client in Python: on the official SDK, or FastMCP's. */
export async function connectPythonClient(
  kind: 'mcp' | 'fastmcp',
  { url, revision, clientName, redirectUri, authorize }: ClientOptions,
): Promise<McpClient> {
  const child = spawn(findPython(), ['-W', 'ignore', PROGRAM, kind, url, revision, redirectUri, clientName], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const send = (message: object) => void child.stdin.write(`${JSON.stringify(message)}\n`)

  /** The next message that is no request for authorization; those are answered on the way. */
  async function receive(): Promise<Message> {
    for (;;) {
      const { value, done } = await lines.next()
      if (done) throw new Error(`The client in Python ended: ${complaints}`)
      const message = JSON.parse(value) as Message
      if (message.authorize === undefined) return message
      send({ redirected: (await authorize(new URL(message.authorize))).href })
    }
  }
  const { revision: negotiated } = await receive()
  return {
    revision: negotiated ?? '',
    async call(tool, args) {
      send({ call: tool, arguments: args })
      const { result, error } = await receive()
      if (error !== undefined) throw new Error(error)
      return result ?? ''
    },
    async credentials() {
      send({ credentials: true })
      return (await receive()) as Credentials
    },
    async close() {
      child.kill()
    },
  }
}
