import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

/**
 * Makes DATA_DIR where it is missing, for our eyes only, and returns its absolute path. A folder that others use, or may
 * write to, keeps its mode and is refused; one that is empty, or was ours before, is closed.
 */
export async function prepareDataDirectory(dataDir: string): Promise<string> {
  const path = resolve(dataDir)
  try {
    await makeFolder(path)
    await checkPrivate(path)
  } catch (error) {
    if (error instanceof SharedFolderError) throw error
    const reason = (error as NodeJS.ErrnoException).code
    throw new Error(
      `DATA_DIR is ${path}, which cannot be used (${reason}): name a folder that this account may write to.`,
      { cause: error },
    )
  }
  return path
}

/** One folder after the other: where a parent can never be made, `recursive` tries for ever (seen below /proc). */
async function makeFolder(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) return
  const parent = dirname(path)
  if (parent !== path) await makeFolder(parent)
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

class SharedFolderError extends Error {}

async function checkPrivate(path: string): Promise<void> {
  const { mode } = await stat(path)
  // Root lets the database's account pass through (see postgres_place.ts); nobody else is let in.
  const open = process.getuid?.() === 0 ? 0o067 : 0o077
  if ((mode & open) === 0) return
  const files = await readdir(path)
  if (files.length > 0 && !files.includes('secret') && !files.includes('postgres.password')) {
    throw new SharedFolderError(
      `DATA_DIR is ${path}, a folder that others use as well: name one of its own, such as ${join(path, 'auth-agent')}.`,
    )
  }
  if ((mode & 0o1000) !== 0) {
    throw new SharedFolderError(
      `DATA_DIR is ${path}, a folder that others may write to: name one of its own, such as ${join(path, 'auth-agent')}.`,
    )
  }
  await chmod(path, mode & 0o777 & ~open)
}

/**
 * Reads a secret that was generated earlier, or generates it now: 256 bits, readable by us alone. It appears
 * whole or not at all, and of two processes that start at once both get the same.
 */
export async function readOrCreateSecret(path: string): Promise<string> {
  const existing = await readSecret(path)
  if (existing !== undefined) return existing
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${randomBytes(32).toString('base64url')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    // Unlike a rename, a link never replaces what another process has put there meanwhile.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(draft, { force: true })
  }
  const secret = await readSecret(path)
  if (secret === undefined) throw new Error(`${path} vanished while it was being made.`)
  return secret
}

async function readSecret(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text !== undefined && text.trim().length < 32)
    throw new Error(`${path} does not hold a secret of 32 bytes or more: restore it from a backup.`)
  return text?.trim()
}
