import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unstable_readConfig as readConfig } from 'wrangler'
import { runWrangler } from './wrangler.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const CONFIG = 'workers/wrangler.jsonc'

/**
 * Checks what `wrangler hyperdrive get` says of a Hyperdrive: its query cache, on by default, would show for a minute what
 * has been revoked.
 *
 * @throws Error with the command that helps
 */
export function checkCachingDisabled(id: string, answer: string): void {
  // The tool writes a headline before the JSON.
  const json = answer.slice(answer.indexOf('{'))
  const { caching } = JSON.parse(json) as { caching?: { disabled?: boolean } }
  if (caching?.disabled === true) return
  throw new Error(
    `The query cache of Hyperdrive ${id} is on, and would hide revocations: run \`npx wrangler hyperdrive update ${id} --caching-disabled true\`.`,
  )
}

/** `node scripts/deploy_workers.ts production` uploads the Worker of an environment, once its Hyperdrive is as it must be. */
function main(environment: string | undefined): void {
  if (environment === undefined) throw new Error('Name the environment: staging, or production.')
  const { hyperdrive } = readConfig({ config: `${ROOT}/${CONFIG}`, env: environment })
  for (const { id = '' } of hyperdrive) checkCachingDisabled(id, runWrangler('pipe', 'hyperdrive', 'get', id))
  runWrangler('inherit', 'deploy', '--config', CONFIG, '--env', environment)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main(process.argv[2])
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
