import { PURPOSES, type Purpose } from '@auth-agent/server'
import { EnvironmentError } from './environment.ts'
import { runBesideNodes } from './run_beside_nodes.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * The command `rotate-purpose-key`. Runs beside the nodes, with their environment; they learn of the new key within
 * two minutes. What that means for each purpose is in DEPLOYMENT.md ("Keys of purposes").
 *
 * @param args a purpose, and perhaps `--immediately`: nodes use the new key as soon as they know it, and meanwhile
 * refuse what another one has made with it
 * @returns what happened, in a sentence
 */
export async function rotatePurposeKey(args: readonly string[], env: Env): Promise<string> {
  const [name, option, ...others] = args
  const purpose = readPurpose('rotate-purpose-key', name)
  if (others.length > 0 || (option !== undefined && option !== '--immediately'))
    throw new EnvironmentError('rotate-purpose-key takes a purpose, and --immediately or nothing.')
  const isImmediate = option === '--immediately'
  await runBesideNodes(env, (server) =>
    server.rotatePurposeKey(purpose, isImmediate ? 'immediately' : 'in a day'),
  )
  const when = isImmediate ? 'within two minutes' : 'in a day'
  return `There is a new key of ${purpose}; ${when} every node uses it. What the former one made is still taken.`
}

/**
 * The command `withdraw-purpose-keys`: deletes the keys before the one in use.
 *
 * @param args a purpose
 * @returns what happened, in a sentence
 */
export async function withdrawPurposeKeys(args: readonly string[], env: Env): Promise<string> {
  const [name, ...others] = args
  const purpose = readPurpose('withdraw-purpose-keys', name)
  if (others.length > 0)
    throw new EnvironmentError('withdraw-purpose-keys takes a purpose, and nothing else.')
  await runBesideNodes(env, (server) => server.withdrawPurposeKeys(purpose))
  return `The former keys of ${purpose} are deleted; within two minutes every node refuses what they made.`
}

function readPurpose(command: string, name: string | undefined): Purpose {
  const purpose = PURPOSES.find((each) => each === name)
  if (purpose !== undefined) return purpose
  const problem = name === undefined ? `${command} needs a purpose` : `There is no purpose ${name}`
  throw new EnvironmentError(`${problem}: name one of ${PURPOSES.join(', ')}.`)
}
