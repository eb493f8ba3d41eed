import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { waitUntilServed } from '../../tests/interop/servers/requests.ts'
import { findPython } from '../../tests/support/python.ts'

/** A server of the benchmark, in a process of its own. */
export interface BenchServer {
  url: string
  /** Seconds of CPU that it has used. */
  cpuSeconds(): Promise<number>
  close(): Promise<void>
}

/** `FastAPI, lean` answers in JSON and without sessions, which is not what the MCP SDK does by itself. */
export type Kind = 'FastAPI' | 'FastAPI, lean' | 'Hono'
export type Protection = 'none' | 'introspect' | 'local'

const PROGRAMS: Readonly<Record<Kind, () => [string, string]>> = {
  FastAPI: startFastApi,
  'FastAPI, lean': startFastApi,
  Hono: () => [process.execPath, fileURLToPath(new URL('./hono_mcp.ts', import.meta.url))],
}
/** Of Linux: clock ticks a second in /proc (USER_HZ). */
const TICKS = 100

function startFastApi(): [string, string] {
  return [findPython(), fileURLToPath(new URL('./fastapi_mcp.py', import.meta.url))]
}

export async function startBenchServer(
  kind: Kind,
  port: number,
  environment: Readonly<Record<string, string>>,
): Promise<BenchServer> {
  const [program, file] = PROGRAMS[kind]()
  const child = spawn(program, [file], {
    env: {
      ...process.env,
      ...environment,
      PORT: String(port),
      LEAN: kind === 'FastAPI, lean' ? 'yes' : 'no',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}/mcp`
  await waitUntilServed(url, child)
  return {
    url,
    async cpuSeconds() {
      const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      // utime and stime, proc(5).
      return (Number(fields[11]) + Number(fields[12])) / TICKS
    },
    async close() {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}
