import { EnvironmentError } from './environment.ts'
import { runBesideNodes } from './run_beside_nodes.ts'

/**
 * The command `rotate-signing-keys`, for a policy that asks for it, or for a key that may have leaked: the server rotates
 * by itself when they are old. Runs beside the nodes, with their environment; they learn of new keys within a minute.
 *
 * @param args `--immediately`: the successors sign at once, and a verifier that has cached the key set has to look again
 * @returns what happened, in a sentence
 */
export async function rotateSigningKeys(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const [option, ...others] = args
  if (others.length > 0 || (option !== undefined && option !== '--immediately'))
    throw new EnvironmentError('rotate-signing-keys takes --immediately, or nothing.')
  const isImmediate = option === '--immediately'
  await runBesideNodes(env, (server) => server.rotateSigningKeys(isImmediate ? 0 : undefined))
  return isImmediate
    ? 'New signing keys are published; within a minute every node signs with them.'
    : 'New signing keys are published; in a day every node signs with them.'
}
