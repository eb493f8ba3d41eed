import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** The account of the operating system that PostgreSQL runs under. */
export interface Account {
  uid: number
  gid: number
}

/**
 * The account for PostgreSQL, which refuses to run as root: undefined (our own) unless we are root, else that
 * of an existing cluster's owner, else `postgres` where the machine has it, else `nobody`.
 */
export async function findPostgresAccount(cluster?: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const owner = cluster === undefined ? undefined : await stat(cluster).catch(() => undefined)
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  const accounts = parsePasswd(await readFile('/etc/passwd', 'utf8'))
  const account = accounts.get('postgres') ?? accounts.get('nobody')
  if (!account)
    throw new Error(
      'PostgreSQL does not run as root, and this machine has neither an account postgres nor nobody: start as another user, or set DATABASE_URL.',
    )
  return account
}

/** Reads the lines of passwd(5): name, password, uid, gid and so on, separated by colons. */
export function parsePasswd(text: string): Map<string, Account> {
  const accounts = new Map<string, Account>()
  for (const line of text.split('\n')) {
    const [name, , uid, gid] = line.split(':')
    if (name && /^-?\d+$/.test(uid ?? '') && /^-?\d+$/.test(gid ?? ''))
      accounts.set(name, { uid: Number(uid), gid: Number(gid) })
  }
  return accounts
}

/** Whether the account may pass through a folder and every folder above it (the search permission). */
export async function isReachable(folder: string, account: Account): Promise<boolean> {
  for (let path = resolve(folder); ; path = dirname(path)) {
    const { mode, uid, gid } = await stat(path)
    const search = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
    if ((mode & search) === 0) return false
    if (path === dirname(path)) return true
  }
}
