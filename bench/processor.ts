import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/** Of Linux: clock ticks a second in /proc (USER_HZ). */
const TICKS = 100

/**
 * Binds a process and its descendants to one core, with their threads and whatever they start from now on. A server that this
 * process started and that has another core is bound after it, since it is among its descendants.
 */
export async function bindToCore(root: number, core: number): Promise<void> {
  for (const { pid } of await listTree(root)) {
    const bind = () =>
      execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', String(core), String(pid)], {
        stdio: 'ignore',
      })
    try {
      bind()
    } catch {
      // A process or a thread has ended meanwhile.
      if (existsSync(`/proc/${pid}`)) bind()
    }
  }
}

/** Seconds of CPU that a process has used, with its descendants; those that have ended too, where somebody waited for them. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const processes = await listTree(pid)
  return processes.reduce((sum, { ticks }) => sum + ticks, 0) / TICKS
}

/** Bytes of memory that a process and its descendants hold, what they share counted once for each. */
export async function memoryOf(pid: number): Promise<number> {
  let bytes = 0
  for (const each of await listTree(pid)) {
    const status = await readFile(`/proc/${each.pid}/status`, 'utf8').catch(() => '')
    bytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  }
  return bytes
}

/** How long a core has been busy and how long it has been idle since the machine started, in seconds. */
export async function timesOfCore(core: number): Promise<{ busy: number; idle: number }> {
  const line = (await readFile('/proc/stat', 'utf8'))
    .split('\n')
    .find((each) => each.startsWith(`cpu${core} `))
  // user nice system idle iowait irq softirq steal, proc(5); what the host takes away from us is busy for us.
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0] = (line ?? '')
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) / TICKS)
  return { busy: user + nice + system + irq + softirq + steal, idle: idle + wait }
}

/** For how much of the time a core is away from a loop that does nothing else, and for how long at the most, in milliseconds. */
export async function awayTimesOf(
  core: number,
  seconds: number,
): Promise<{ share: number; longest: number }> {
  const loop = `
    const endsAt = performance.now() + ${seconds * 1000}
    let away = 0, longest = 0
    for (let last = performance.now(), now; last < endsAt; last = now) {
      now = performance.now()
      if (now - last > 0.1) { away += now - last; longest = Math.max(longest, now - last) }
    }
    console.log(JSON.stringify({ share: away / ${seconds * 1000}, longest }))`
  const { stdout } = await promisify(execFile)('taskset', [
    '--cpu-list',
    String(core),
    process.execPath,
    '--eval',
    loop,
  ])
  return JSON.parse(stdout)
}

interface Process {
  pid: number
  parent: number
  ticks: number
}

async function listTree(root: number): Promise<Process[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const all = (await Promise.all(names.map((name) => readProcess(Number(name))))).filter(
    (each) => each !== undefined,
  )
  const tree = all.filter(({ pid }) => pid === root)
  for (const { pid } of tree) tree.push(...all.filter(({ parent }) => parent === pid))
  return tree
}

async function readProcess(pid: number): Promise<Process | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (stat === undefined) return undefined
  // ppid, and from utime on to cstime, which is that of children that have ended, proc(5); the name before them may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { pid, parent: Number(fields[1]), ticks }
}
