import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The newest that the repository of Maven had whole. */
export const VERSION = '26.7.3'

const FOLDER = fileURLToPath(new URL('../../../../.bench/keycloak/', import.meta.url))
const HOME = join(FOLDER, `keycloak-${VERSION}`)

export const KC = join(HOME, 'bin', 'kc.sh')

/** What is built into it, as its guide "Optimize Keycloak startup" has it; the rest is said when it starts. */
const BUILD = ['build', '--db=postgres', '--health-enabled=false', '--metrics-enabled=false']

const run = promisify(execFile)

/** Unpacks the distribution and builds its configuration into it, once. */
export async function prepareDistribution(): Promise<void> {
  const mark = join(FOLDER, `built-${VERSION}`)
  if (existsSync(mark)) return
  await mkdir(FOLDER, { recursive: true })
  const unpack = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack'
  const artifact = `-Dartifact=org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`
  // Where there is no project, the plugin puts its markers below where it runs.
  await run('nice', ['mvn', '-B', '-q', unpack, artifact, `-DoutputDirectory=${FOLDER}`], { cwd: FOLDER })
  await run('nice', ['bash', KC, ...BUILD], { env: { ...process.env, ...(await javaEnvironment()) } })
  await writeFile(mark, '')
}

/** Java 25 is what its list of supported configurations suggests for production, and 21 and 17 are supported. */
const JAVA_VERSIONS = ['25', '21', '17']

/** Where the best Java of this machine is; its scripts take the one on the path where there is none in the usual place. */
export async function javaEnvironment(): Promise<{ JAVA_HOME?: string }> {
  const parent = '/usr/lib/jvm'
  const names = await readdir(parent).catch(() => [])
  const homes = new Map<string | undefined, string>()
  for (const name of names) {
    const release = await readFile(join(parent, name, 'release'), 'utf8').catch(() => '')
    homes.set(/^JAVA_VERSION="(\d+)/m.exec(release)?.[1], join(parent, name))
  }
  const best = JAVA_VERSIONS.map((version) => homes.get(version)).find((home) => home !== undefined)
  const home = best ?? process.env['JAVA_HOME']
  return home === undefined ? {} : { JAVA_HOME: home }
}
