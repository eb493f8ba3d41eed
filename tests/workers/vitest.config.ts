import { fileURLToPath } from 'node:url'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { ISSUER, LOCAL_DATABASE, SECRETS } from './workerd/settings.ts'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Tests that run inside of workerd, in the isolate of the Worker, so that they can put themselves in the platform's place. */
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'hono/jsx' } },
  plugins: [
    cloudflareTest(({ inject }) => {
      process.env[LOCAL_DATABASE] = inject('workerdDatabaseUrl')
      return {
        wrangler: { configPath: file('../../workers/wrangler.jsonc') },
        miniflare: { bindings: { ISSUER_URL: ISSUER, ...SECRETS } },
      }
    }),
  ],
  test: {
    name: 'workerd',
    root: file('../..'),
    include: ['tests/workers/workerd/*.workerd.ts'],
    globalSetup: [file('./workerd/global_setup.ts')],
    testTimeout: 60_000,
    hookTimeout: 90_000,
  },
})
