import { execFile, spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { parse, stringify } from 'yaml'
import { makeFolder } from '../support/folders.ts'
import { itWhere } from '../support/it_where.ts'
import { findBlock, openShell, readBlocks } from './document.ts'
import { prepareValidators, validate } from './validators.ts'

vi.setConfig({ hookTimeout: 300_000 })

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const KUBERNETES = join(ROOT, 'deploy/kubernetes')
const SYSTEMD = join(ROOT, 'deploy/systemd')
/** The oldest that knows a sleep before the end of a container, and the newest that there are schemas for. */
const KUBERNETES_VERSIONS = ['1.30.0', '1.37.0']

const hasProgram = (program: string, ...args: string[]) =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0
const hasSystemd = hasProgram('systemd-analyze', '--version')
const hasKubectl = hasProgram('kubectl', 'version', '--client')

beforeAll(() => prepareValidators())

describe('tools that know find no fault', () => {
  it.each(['Dockerfile', 'examples/filesystem-server/Dockerfile'])('hadolint: %s', async (file) => {
    expect(await validate('hadolint', '--no-color', '--failure-threshold', 'style', join(ROOT, file))).toBe(
      '',
    )
  })

  it('the model of Compose: compose.yaml', async () => {
    // It knows no merge keys, which are YAML's affair.
    const compose = parse(await readFile(join(ROOT, 'compose.yaml'), 'utf8'), { merge: true }) as object
    const program = 'import compose_spec, sys; compose_spec.PyCompose.from_json(sys.argv[1]).to_spec()'
    expect(await validate('python', '-c', program, JSON.stringify(compose))).toBe('')
    const misspelt = { services: { postgres: { porst: [] } } }
    expect(await validate('python', '-c', program, JSON.stringify(misspelt))).not.toBe('')
  })

  it.each(KUBERNETES_VERSIONS)('the schemas of Kubernetes %s, strictly: every manifest', async (version) => {
    const files = (await readdir(KUBERNETES, { recursive: true }))
      .filter((name) => name.endsWith('.yaml') && !NOT_OF_KUBERNETES.has(basename(name)))
      .map((name) => join(KUBERNETES, name))
    expect(files.length).toBeGreaterThan(5)
    expect(await validate('kubernetes-validate', '--strict', '--quiet', '-k', version, ...files)).toBe('')
  })

  it('the schemas of Kubernetes would find a fault', async () => {
    const file = join(await makeFolder(), 'service.yaml')
    const service = await readFile(join(KUBERNETES, 'service.yaml'), 'utf8')
    await writeFile(file, service.replace('targetPort:', 'targetPorts:'))
    expect(await validate('kubernetes-validate', '--strict', '--quiet', file)).toMatch(/targetPorts/)
  })

  itWhere(hasKubectl)('kubectl puts the manifests together, with the image of an overlay', async () => {
    const folder = await makeFolder()
    const build = async (base: string) => {
      const overlay = join(folder, base)
      await mkdir(overlay, { recursive: true })
      const root = relative(await realpath(overlay), KUBERNETES)
      const kustomization = {
        resources: [join(root, base)],
        components: [relative(await realpath(overlay), join(await realpath(folder), 'version'))],
      }
      await writeFile(join(overlay, 'kustomization.yaml'), stringify(kustomization))
      return (await run('kubectl', ['kustomize', overlay])).stdout
    }
    await mkdir(join(folder, 'version'))
    await writeFile(
      join(folder, 'version/kustomization.yaml'),
      stringify({
        apiVersion: 'kustomize.config.k8s.io/v1alpha1',
        kind: 'Component',
        images: [{ name: 'registry.example.com/auth-agent-mcp', newTag: '9.9.9' }],
      }),
    )
    const server = await build('.')
    for (const kind of ['Namespace', 'Deployment', 'Service', 'NetworkPolicy', 'PodDisruptionBudget'])
      expect(server).toMatch(new RegExp(`^kind: ${kind}$`, 'm'))
    const [, name] = /^kind: ConfigMap\nmetadata:\n {2}name: (auth-agent-\w{10})$/m.exec(server) ?? []
    expect(server).toContain(`configMapRef:\n            name: ${name}\n`)
    for (const manifests of [server, await build('migration')])
      expect(manifests.match(/image: .*/g)).toEqual(['image: registry.example.com/auth-agent-mcp:9.9.9'])
  })

  itWhere(hasKubectl)(
    'kubectl makes the Secret of what a shell exports, by the documented command',
    async () => {
      const command = findBlock(await readBlocks(), 'On Kubernetes', '--dry-run=client')
      const exported = {
        DATABASE_URL: 'postgres://user:p%40ss@db.example.com/d?sslmode=verify-full&sslrootcert=/a.pem',
        AUTH_AGENT_SECRET: 'new=='.padStart(32, '+'),
        SMTP_URL: 'smtps://user:password@smtp.example.com?from=auth@example.com',
      }
      const env = { PATH: process.env['PATH'] ?? '', MIGRATION_DATABASE_URL: 'postgres://owner', ...exported }
      const shell = openShell(await makeFolder(), env)
      const { data } = parse(await shell.run(command.replace('kubectl apply -f -', 'cat'))) as {
        data: Record<string, string>
      }
      const decoded = Object.entries(data).map(([name, text]) => [
        name,
        Buffer.from(text, 'base64').toString(),
      ])
      expect(Object.fromEntries(decoded)).toEqual(exported)
    },
  )

  itWhere(hasSystemd)('systemd-analyze verifies the units', async () => {
    const folder = await makeFolder()
    const units = await readUnits()
    // Whether Node is where the unit says is a question about the machine, not about the unit.
    for (const [name, text] of units)
      await writeFile(join(folder, name), text.replaceAll('/usr/bin/node', process.execPath))
    const files = [...units.keys()].map((name) => join(folder, name))
    const { stderr } = await run('systemd-analyze', ['verify', ...files])
    expect(stderr).toBe('')
  })

  itWhere(hasSystemd)('systemd-analyze calls their exposure low', async () => {
    for (const name of (await readUnits()).keys()) {
      // In tenths: what is at or below 2.0 of 10.
      const args = ['security', '--no-pager', '--offline=true', '--threshold=20', join(SYSTEMD, name)]
      const { stdout } = await run('systemd-analyze', args)
      expect(stdout).toMatch(/Overall exposure level for \S+: [01]\.\d OK/)
    }
  })
})

/** Of tools that stand beside Kubernetes: it has no schemas of these. */
const NOT_OF_KUBERNETES = new Set(['kustomization.yaml', 'service_monitor.yaml'])

async function readUnits(): Promise<Map<string, string>> {
  const names = (await readdir(SYSTEMD)).filter((name) => name.endsWith('.service'))
  expect(names.length).toBeGreaterThan(1)
  return new Map(
    await Promise.all(
      names.map(
        async (name): Promise<[string, string]> => [name, await readFile(join(SYSTEMD, name), 'utf8')],
      ),
    ),
  )
}
