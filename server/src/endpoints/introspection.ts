import { authenticateServer } from '../authentication/server_authentication.ts'
import type { ServerContext } from '../context.ts'
import { NO_STORE_FOR_ANY_ORIGIN } from '../http/cors.ts'
import { jsonTextResponse } from '../http/json_response.ts'
import { readTokenParameters, requiredToken } from '../http/token_parameters.ts'
import { findActiveToken } from '../tokens/access_token.ts'

/**
 * Introspection (RFC 7662), for MCP servers by their API key. A key sees only tokens whose audience is its own server;
 * any other, a refresh token too, is not active.
 */
export async function introspection(context: ServerContext, request: Request): Promise<Response> {
  // What is known at once is not waited for: that would take 3% of the request (bench/README.md).
  const authenticated = authenticateServer(context, request)
  const key = authenticated instanceof Promise ? await authenticated : authenticated
  const token = requiredToken(await readTokenParameters(request))
  const found = findActiveToken(context, token, { audience: key.server_url })
  const active = found instanceof Promise ? await found : found
  context.telemetry.introspected(active !== undefined)
  return jsonTextResponse(active?.introspection ?? INACTIVE, NO_STORE_FOR_ANY_ORIGIN)
}

const INACTIVE = JSON.stringify({ active: false })
