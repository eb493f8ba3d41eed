import { cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { dirname, join, matchesGlob } from 'node:path'

/** One line of a .dockerignore: what it matches is left out, or is taken in after all. */
interface Rule {
  pattern: string
  isException: boolean
}

/** Where other tools keep what they make. That the .dockerignore leaves these out too is asserted by a test. */
const NEVER_LOOKED_INTO = new Set(['node_modules', '.git', '.tools', '.venv'])

/** Copies what `docker build` would send to the builder. */
export async function copyBuildContext(root: string, target: string): Promise<void> {
  for (const path of await listBuildContext(root)) {
    await mkdir(dirname(join(target, path)), { recursive: true })
    await cp(join(root, path), join(target, path))
  }
}

/** The files of a folder that its .dockerignore lets in, by paths relative to it. */
export async function listBuildContext(root: string): Promise<string[]> {
  const rules = parseDockerignore(await readFile(join(root, '.dockerignore'), 'utf8'))
  const found: string[] = []
  const walk = async (folder: string) => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory() && !NEVER_LOOKED_INTO.has(entry.name)) await walk(path)
      else if (entry.isFile() && !isIgnored(path, rules)) found.push(path)
    }
  }
  await walk('.')
  return found
}

function parseDockerignore(text: string): Rule[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ pattern: line.replace(/^!/, ''), isException: line.startsWith('!') }))
}

/** The last line that matches a path, or a folder above it, decides. */
export function isIgnored(path: string, rules: readonly Rule[]): boolean {
  const steps = path.split('/')
  const withFolders = steps.map((_, index) => steps.slice(0, index + 1).join('/'))
  const last = rules.findLast(({ pattern }) => withFolders.some((each) => isMatch(each, pattern)))
  return last !== undefined && !last.isException
}

/** Docker's `*` matches a name that begins with a dot as well, Node's does not. */
function isMatch(path: string, pattern: string): boolean {
  const withoutDots = (text: string) => text.replaceAll(/(^|\/)\./g, '$1_')
  return matchesGlob(withoutDots(path), withoutDots(pattern))
}
