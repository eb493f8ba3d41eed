import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { readEnvironment } from '../../node/src/environment.ts'
import { readDockerfile } from './dockerfile.ts'
import { readBlocks } from './document.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const KUBERNETES = join(ROOT, 'deploy/kubernetes')
/** What the server takes to stop, at the most, in seconds (see node/src/listen.ts). */
const STOPS_WITHIN = 10

interface Container {
  name: string
  image: string
  args?: string[]
  securityContext: object
  ports?: { name: string; containerPort: number }[]
  lifecycle?: { preStop: { sleep: { seconds: number } } }
  startupProbe?: Probe
  readinessProbe?: Probe
  livenessProbe?: Probe
  volumeMounts?: { name: string; mountPath: string }[]
  envFrom: { secretRef?: { name: string }; configMapRef?: { name: string } }[]
  resources: { requests: object; limits: object }
}
interface Probe {
  httpGet: { path: string; port: string }
  timeoutSeconds?: number
}
interface PodSpec {
  containers: [Container]
  securityContext: object
  automountServiceAccountToken: boolean
  terminationGracePeriodSeconds?: number
  volumes?: { name: string; configMap?: object }[]
  topologySpreadConstraints?: { topologyKey: string }[]
}
interface Manifest {
  kind: string
  metadata: { labels?: object }
  stringData?: Record<string, string>
  spec?: object
}
interface Workload {
  template: { metadata: { labels: object }; spec: PodSpec }
}

async function readManifests(name: string): Promise<Manifest[]> {
  const documents = parseAllDocuments(await readFile(join(KUBERNETES, name), 'utf8'))
  return documents.map((document) => document.toJS() as Manifest)
}

/** The spec of the only manifest in a file. */
async function readSpec<Spec extends object>(name: string): Promise<Spec> {
  const [manifest, ...others] = await readManifests(name)
  if (manifest?.spec === undefined || others.length > 0) throw new Error(`${name} holds no single spec.`)
  return manifest.spec as Spec
}

/** What stands in a kustomization.yaml, as far as we use it. */
interface Kustomization {
  resources?: string[]
  components?: string[]
  images?: { name: string }[]
  configMapGenerator?: object[]
  generatorOptions?: object
}

async function readKustomization(folder: string): Promise<Kustomization> {
  return parse(await readFile(join(KUBERNETES, folder, 'kustomization.yaml'), 'utf8')) as Kustomization
}

async function readPod(name: string): Promise<PodSpec> {
  return (await readSpec<Workload>(name)).template.spec
}

describe('the manifests of Kubernetes', () => {
  it.each(['deployment.yaml', 'migration/job.yaml'])('give pods of %s no privilege', async (name) => {
    const { config } = await readDockerfile(join(ROOT, 'Dockerfile'))
    const [uid, gid] = config.user.split(':').map(Number)
    const pod = await readPod(name)
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: uid,
        runAsGroup: gid,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    })
    expect(pod.containers).toHaveLength(1)
    expect(pod.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(pod.containers[0].resources).toMatchObject({ requests: { memory: expect.anything() } })
  })

  it('ask whether a pod is ready, and restart it only when it is not alive', async () => {
    const [container] = (await readPod('deployment.yaml')).containers
    expect(container.readinessProbe?.httpGet.path).toBe('/ready')
    // It answers within 2 s.
    expect(container.readinessProbe?.timeoutSeconds).toBeGreaterThan(2)
    expect(container.livenessProbe?.httpGet.path).toBe('/health')
    expect(container.startupProbe?.httpGet.path).toBe('/health')
    const { config } = await readDockerfile(join(ROOT, 'Dockerfile'))
    expect(container.ports).toContainEqual({ name: 'http', containerPort: Number(config.env['PORT']) })
  })

  it('wait for a pod as long as it takes to stop', async () => {
    const pod = await readPod('deployment.yaml')
    const asleep = pod.containers[0].lifecycle?.preStop.sleep.seconds ?? 0
    expect(asleep).toBeGreaterThan(0)
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(asleep + STOPS_WITHIN)
    expect(pod.topologySpreadConstraints?.map(({ topologyKey }) => topologyKey)).toEqual([
      'topology.kubernetes.io/zone',
      'kubernetes.io/hostname',
    ])
  })

  it('choose the same pods in the Deployment, the Service and the PodDisruptionBudget', async () => {
    const { selector, template, replicas } = await readSpec<
      Workload & { replicas: number; selector: { matchLabels: object } }
    >('deployment.yaml')
    expect(template.metadata.labels).toEqual(selector.matchLabels)
    expect(await readSpec('service.yaml')).toMatchObject({ selector: selector.matchLabels })
    expect(await readSpec('pod_disruption_budget.yaml')).toMatchObject({ maxUnavailable: 1, selector })
    expect(replicas).toBeGreaterThan(1)
    // The migration's pods are others, which the Service must not find.
    const migration = await readSpec<Workload>('migration/job.yaml')
    expect(migration.template.metadata.labels).not.toEqual(selector.matchLabels)
  })

  it('lead Prometheus to the port that the server is told to count at', async () => {
    const settings = parseEnv(await readFile(join(KUBERNETES, 'settings.env'), 'utf8'))
    const [container] = (await readPod('deployment.yaml')).containers
    const port = container.ports?.find(({ name }) => name === 'metrics')?.containerPort
    expect(settings).toMatchObject({ METRICS_PORT: String(port), METRICS_HOST: '0.0.0.0' })
    const { ports } = await readSpec<{ ports: object[] }>('service.yaml')
    expect(ports).toContainEqual({ name: 'metrics', port, targetPort: 'metrics' })
    const { selector } = await readSpec<{ selector: { matchLabels: object } }>('service_monitor.yaml')
    const [service] = await readManifests('service.yaml')
    expect(service?.metadata.labels).toEqual(selector.matchLabels)
  })

  it.each(['deployment.yaml', 'migration/job.yaml'])(
    'give %s the certificate that secrets name',
    async (name) => {
      const [secret] = await readManifests('secrets.example.yaml')
      const file = /sslrootcert=(\S+)/.exec(secret?.stringData?.['DATABASE_URL'] ?? '')?.[1] ?? ''
      const { containers, volumes } = await readPod(name)
      const mount = containers[0].volumeMounts?.find(({ mountPath }) => mountPath === dirname(file))
      const volume = volumes?.find((each) => each.name === mount?.name)
      expect(volume?.configMap).toEqual({ name: 'auth-agent-database-ca', optional: true })
      const made = (await readBlocks()).get('On Kubernetes')?.map(({ text }) => text)
      expect(made?.join('')).toContain(`create configmap auth-agent-database-ca --from-file=${file}\n`)
    },
  )

  it('keep the password of the owner from the server, and secrets out of the Kustomization', async () => {
    const [server] = (await readPod('deployment.yaml')).containers
    const [migration] = (await readPod('migration/job.yaml')).containers
    expect(server.envFrom).toEqual([
      { configMapRef: { name: 'auth-agent' } },
      { secretRef: { name: 'auth-agent' } },
    ])
    expect(migration.envFrom).toEqual([{ secretRef: { name: 'auth-agent-migration' } }])
    expect(migration.args).toEqual(['migrate'])
    for (const folder of ['.', 'migration'])
      for (const name of (await readKustomization(folder)).resources ?? [])
        for (const manifest of await readManifests(join(folder, name)))
          expect(manifest.kind).not.toBe('Secret')
  })

  it('let the metrics be reached from the namespace of Prometheus alone, and the server by everybody', async () => {
    const { podSelector, policyTypes, ingress } = await readSpec<{
      podSelector: object
      policyTypes: string[]
      ingress: { ports: { port: number }[]; from?: object[] }[]
    }>('network_policy.yaml')
    const { selector } = await readSpec<{ selector: object }>('deployment.yaml')
    expect([podSelector, policyTypes]).toEqual([selector, ['Ingress']])
    const [container] = (await readPod('deployment.yaml')).containers
    const portOf = (name: string) => container.ports?.find((port) => port.name === name)?.containerPort
    const everybody = ingress.filter(({ from }) => from === undefined)
    expect(everybody).toEqual([{ ports: [{ port: portOf('http') }] }])
    const some = ingress.filter(({ from }) => from !== undefined)
    expect(some).toMatchObject([
      {
        ports: [{ port: portOf('metrics') }],
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
      },
    ])
    expect((await readKustomization('.')).resources).toContain('network_policy.yaml')
  })

  it('run one image before and after the migration, which one file names', async () => {
    const { images = [] } = await readKustomization('image')
    for (const [folder, pod] of [
      ['.', 'deployment.yaml'],
      ['migration', 'migration/job.yaml'],
    ] as const) {
      const { components = [] } = await readKustomization(folder)
      expect(components.map((component) => join(folder, component))).toEqual(['image'])
      expect((await readPod(pod)).containers[0].image).toBe(images[0]?.name)
    }
  })

  it('restart the pods when a setting changes, and trust no proxy that nobody has named', async () => {
    const { configMapGenerator, generatorOptions } = await readKustomization('.')
    expect(configMapGenerator).toEqual([{ name: 'auth-agent', envs: ['settings.env'] }])
    expect(generatorOptions).toBeUndefined()
    const settings = parseEnv(await readFile(join(KUBERNETES, 'settings.env'), 'utf8'))
    expect(settings).not.toHaveProperty('TRUSTED_PROXIES')
    const environment = {
      ...settings,
      DATABASE_URL: 'postgres://localhost/d',
      AUTH_AGENT_SECRET: 's'.repeat(32),
    }
    expect(readEnvironment(environment).metrics?.port).toBe(9464)
  })
})

interface Service {
  image: string
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  environment?: Record<string, string>
  stop_grace_period?: string
  network_mode?: string
  restart?: string
  ports?: string[]
  depends_on?: Record<string, { condition: string }>
}

describe('compose.yaml', () => {
  const read = async () => {
    const text = await readFile(join(ROOT, 'compose.yaml'), 'utf8')
    return (parse(text, { merge: true }) as { services: Record<string, Service> }).services
  }

  it('runs what is ours without privileges, on a read-only root, for this machine only', async () => {
    for (const [name, service] of Object.entries(await read())) {
      for (const port of service.ports ?? [])
        expect([name, port]).toEqual([name, expect.stringMatching(/^127\.0\.0\.1:/)])
      if (name === 'postgres') continue
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      })
    }
  })

  it('has no secret in it, and starts nothing without one', async () => {
    for (const service of Object.values(await read()))
      for (const [name, value] of Object.entries(service.environment ?? {}))
        if (/PASSWORD|SECRET|TOKEN|DATABASE_URL/.test(name)) expect(value).toMatch(/\$\{[A-Z_]+(:\?.+|:-)?\}/)
  })

  it('waits for one after the other, and lets the server stop in peace', async () => {
    const services = await read()
    const conditions = (name: string) =>
      Object.entries(services[name]?.depends_on ?? {}).map(
        ([other, { condition }]) => `${other} ${condition}`,
      )
    expect(conditions('migrate')).toEqual(['postgres service_healthy'])
    expect(conditions('auth-agent')).toEqual(['migrate service_completed_successfully'])
    expect(conditions('register')).toEqual(['auth-agent service_healthy'])
    expect(conditions('filesystem-server')).toContain('register service_completed_successfully')
    expect(Number.parseInt(services['auth-agent']?.stop_grace_period ?? '', 10)).toBeGreaterThan(STOPS_WITHIN)
  })

  it('starts everything again by itself, and lets nobody live on the network of another', async () => {
    const services = await read()
    const once = ['migrate', 'register']
    for (const [name, { restart, network_mode }] of Object.entries(services)) {
      expect([name, restart]).toEqual([name, once.includes(name) ? undefined : 'unless-stopped'])
      // It ends with the container that it belongs to, and Docker, which restarts that one alone, leaves the others cut off.
      expect([name, network_mode]).toEqual([name, undefined])
    }
  })

  it('shows the admin token to the server and to what registers the example, not to the example', async () => {
    const knowing = Object.entries(await read()).filter(([, { environment }]) =>
      JSON.stringify(environment ?? {}).includes('ADMIN_TOKEN'),
    )
    expect(knowing.map(([name]) => name)).toEqual(['auth-agent', 'register'])
  })
})

describe('the units of systemd', () => {
  const read = async (name: string) => {
    const lines = (await readFile(join(ROOT, 'deploy/systemd', name), 'utf8')).split('\n')
    return new Map(
      lines.filter((line) => /^\w+=/.test(line)).map((line) => line.split(/=(.*)/s, 2) as [string, string]),
    )
  }

  it('let the server stop in peace, and start it again whatever happened', async () => {
    const unit = await read('auth-agent.service')
    expect(Number(unit.get('TimeoutStopSec'))).toBeGreaterThan(STOPS_WITHIN)
    expect(Object.fromEntries(unit)).toMatchObject({
      Restart: 'always',
      KillMode: 'mixed',
      StartLimitIntervalSec: '0',
    })
  })

  it('deny both the same', async () => {
    const [server, migration] = [await read('auth-agent.service'), await read('auth-agent-migrate.service')]
    const hardening = [...server].filter(([name]) =>
      /^(Protect|Private|Restrict|System|Lock|NoNew|Cap|UMask|Dyn)/.test(name),
    )
    expect(hardening.length).toBeGreaterThan(15)
    for (const [name, value] of hardening) expect([name, migration.get(name)]).toEqual([name, value])
    // V8 writes the machine code that it runs.
    for (const unit of [server, migration]) expect(unit.has('MemoryDenyWriteExecute')).toBe(false)
  })
})
