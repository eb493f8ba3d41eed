import { execFileSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'

/** Of Linux: clock ticks a second in /proc (USER_HZ). */
const TICKS = 100

/** Binds a process to one core, with its threads and whatever it starts from now on. */
export function bindToCore(pid: number, core: number): void {
  execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', String(core), String(pid)], {
    stdio: 'ignore',
  })
}

/** Seconds of CPU that a process has used, and its children that still run. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  let ticks = 0
  for (const name of await readdir('/proc')) {
    const stat = /^\d+$/.test(name) ? await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '') : ''
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // ppid, utime and stime, proc(5).
    if (Number(name) === pid || Number(fields[1]) === pid) ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / TICKS
}

/** Bytes of memory that a process holds. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
}
