import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import type { ConnectionInfo } from '../options.ts'
import type { TokenParameters } from './parameters.ts'
import type { TokenResponse } from './token_response.ts'

/** A token request whose client is known to be itself. */
export interface TokenRequest {
  client: Client
  /** What was read of the client is no older; in milliseconds since the epoch. */
  readSince: number
  parameters: TokenParameters
  /** Where it came from. */
  connection: ConnectionInfo
}

/** One grant type: turns what the client presents into tokens, or refuses (OAuth 2.1 §4). */
export type Grant = (context: ServerContext, request: TokenRequest) => Promise<TokenResponse>
