import { ROOT_ORGANIZATION } from '../clients/directory.ts'
import type { ServerContext } from '../context.ts'

/** Who runs this server, as people know it: the name of the root organisation, which its owner chooses. */
export async function findOperator({ storage }: ServerContext): Promise<string | undefined> {
  return (await storage.findOrganization(ROOT_ORGANIZATION))?.name
}
