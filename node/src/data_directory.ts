import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** Makes DATA_DIR where it is missing, for our eyes only, and returns its absolute path. */
export async function prepareDataDirectory(dataDir: string): Promise<string> {
  const path = resolve(dataDir)
  try {
    await mkdir(dirname(path), { recursive: true })
    await mkdir(path, { recursive: true, mode: 0o700 })
    const { mode } = await stat(path)
    // Root lets the database's account pass through (see postgres_place.ts); nobody else is let in.
    const open = process.getuid?.() === 0 ? 0o067 : 0o077
    if ((mode & open) !== 0) await chmod(path, mode & 0o777 & ~open)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code
    throw new Error(
      `DATA_DIR is ${path}, which cannot be used (${reason}): name a folder that this account may write to.`,
      { cause: error },
    )
  }
  return path
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
