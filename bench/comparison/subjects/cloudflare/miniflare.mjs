import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

// The one that wrangler brings, with the workerd that our own Worker runs in.
const ofWrangler = createRequire(createRequire(import.meta.url).resolve('wrangler'))
const { Miniflare } = ofWrangler('miniflare')

const { PORT, ISSUER, RESOURCE, WORKER } = process.env

const miniflare = new Miniflare({
  workers: [
    {
      config: {
        name: 'authorization-server',
        compatibilityDate: '2026-11-01',
        compatibilityFlags: ['global_fetch_strictly_public'],
        manifest: {
          mainModule: 'worker.js',
          modules: { 'worker.js': { type: 'esm', contents: await readFile(WORKER, 'utf8') } },
        },
        env: {
          ISSUER: { type: 'text', value: ISSUER },
          RESOURCE: { type: 'text', value: RESOURCE },
          OAUTH_KV: { type: 'kv', id: 'oauth' },
        },
      },
      // Past the Worker that miniflare puts before others, which the platform does not have.
      dev: { unsafeDirectSockets: [{ host: '127.0.0.1', port: Number(PORT) }] },
    },
  ],
})
process.once('SIGTERM', () => void miniflare.dispose())
await miniflare.ready
