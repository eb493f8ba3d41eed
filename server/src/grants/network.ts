import { networkOf } from '../checks/network.ts'
import type { PurposeKeys } from '../keys/purpose_keys.ts'

/** A digest of the network that a request came from: enough to see that two differ, and no record of where people are. */
export function networkDigest(keys: PurposeKeys, clientAddress: string | undefined): Buffer | null {
  return clientAddress === undefined ? null : keys.mac('digest', `network ${networkOf(clientAddress)}`)
}
