import { readFile } from 'node:fs/promises'
import { SourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'

/** What V8 writes with `--cpu-prof`: samples of the stack, each with the time since the one before it, in microseconds. */
interface CpuProfile {
  nodes: readonly ProfileNode[]
  samples: readonly number[]
  timeDeltas: readonly number[]
}

interface ProfileNode {
  id: number
  callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number }
}

/** Where time went, itself and not what it called. */
export interface SelfTime {
  /** A package, a part of Node, or a file of ours. */
  area: string
  function: string
  /** Microseconds. */
  time: number
}

/**
 * Reads a profile. What is in a bundle is told by the file that it came from.
 *
 * @param last how much of its end counts, in milliseconds
 */
export async function readSelfTimes(profileFile: string, last: number): Promise<SelfTime[]> {
  const profile = JSON.parse(await readFile(profileFile, 'utf8')) as CpuProfile
  const times = new Map<number, number>()
  let left = last * 1000
  for (let index = profile.samples.length - 1; index >= 0 && left > 0; index -= 1) {
    const id = profile.samples[index] as number
    const time = profile.timeDeltas[index] ?? 0
    times.set(id, (times.get(id) ?? 0) + time)
    left -= time
  }
  const maps = new Map<string, SourceMap | undefined>()
  const found: SelfTime[] = []
  for (const { id, callFrame } of profile.nodes) {
    const time = times.get(id) ?? 0
    if (time === 0 || callFrame.functionName === '(idle)') continue
    if (!maps.has(callFrame.url)) maps.set(callFrame.url, await readSourceMap(callFrame.url))
    found.push({ ...placeOf(callFrame, maps.get(callFrame.url)), time })
  }
  return found
}

/** The same, as sums by one of their members, the longest first. */
export function sumBy(times: readonly SelfTime[], keyOf: (time: SelfTime) => string): [string, number][] {
  const sums = new Map<string, number>()
  for (const each of times) sums.set(keyOf(each), (sums.get(keyOf(each)) ?? 0) + each.time)
  return [...sums].sort(([, a], [, b]) => b - a)
}

/** What kind of work an area does, in the order of a table. */
export const KINDS = [
  'sockets',
  "Node's HTTP",
  'Hono',
  'cryptography',
  'pg',
  'ours',
  'garbage',
  'the rest',
] as const
export type Kind = (typeof KINDS)[number]

/** The system calls that write and read; V8 names them as its own. */
const SOCKET_CALLS = /^(writev|write(Utf8|Latin1|Ascii|Ucs2)?String|writeBuffer|shutdown|readStart|readStop)$/

export function kindOf({ area, function: name }: SelfTime): Kind {
  if (area === 'V8' && SOCKET_CALLS.test(name)) return 'sockets'
  if (area === 'node:crypto') return 'cryptography'
  if (area.startsWith('node:')) return "Node's HTTP"
  if (/^(@hono\/|hono$)/.test(area)) return 'Hono'
  if (/^(pg|postgres)\b/.test(area)) return 'pg'
  if (/^(server|node)\/src\//.test(area)) return 'ours'
  return area === '(garbage collector)' ? 'garbage' : 'the rest'
}

async function readSourceMap(url: string): Promise<SourceMap | undefined> {
  if (!url.startsWith('file:') || url.includes('/node_modules/')) return undefined
  const text = await readFile(`${fileURLToPath(url)}.map`, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : new SourceMap(JSON.parse(text))
}

function placeOf(
  { functionName, url, lineNumber, columnNumber }: ProfileNode['callFrame'],
  map: SourceMap | undefined,
): Omit<SelfTime, 'time'> {
  const name = functionName || '(anonymous)'
  const entry = map?.findEntry(lineNumber, columnNumber)
  const source = entry !== undefined && 'originalSource' in entry ? entry.originalSource : url
  return { area: areaOf(source, name), function: name }
}

function areaOf(source: string, name: string): string {
  if (source === '') return name.startsWith('(') ? name : 'V8'
  const [, owner] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(source) ?? []
  if (owner !== undefined) return owner
  const [, part] = /^node:(?:internal\/)?([^/]+)/.exec(source) ?? []
  if (part !== undefined) return `node:${part}`
  return /((?:server|node)\/src\/.*)$/.exec(source)?.[1] ?? source
}
