import { registerDynamicClient } from '../clients/dynamic.ts'
import type { ServerContext } from '../context.ts'
import { NO_STORE_FOR_ANY_ORIGIN } from '../http/cors.ts'
import { readJson } from '../http/json_body.ts'
import { jsonResponse } from '../http/json_response.ts'

/**
 * Dynamic client registration (RFC 7591), open and stateless: nothing is written, so it cannot fill a disk, needs no
 * limit by address (all of a hosted client's users come from a few), and never has to be cleaned up.
 */
export async function registration(context: ServerContext, request: Request): Promise<Response> {
  const { clientId, clientSecret, metadata } = registerDynamicClient(
    context.purposeKeys,
    await readJson(request),
  )
  const body = {
    client_id: clientId,
    client_id_issued_at: Math.floor(context.now() / 1000),
    ...(clientSecret !== undefined && { client_secret: clientSecret, client_secret_expires_at: 0 }),
    ...metadata,
    response_types: ['code'],
  }
  return jsonResponse(body, NO_STORE_FOR_ANY_ORIGIN, 201)
}
