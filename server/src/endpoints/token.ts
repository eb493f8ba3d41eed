import { authenticateClient } from '../authentication/client_authentication.ts'
import type { GrantType } from '../clients/metadata.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { authorizationCode } from '../grants/authorization_code.ts'
import { clientCredentials } from '../grants/client_credentials.ts'
import type { Grant } from '../grants/grant.ts'
import { refreshTokenGrant } from '../grants/refresh_token.ts'
import { NO_STORE_FOR_ANY_ORIGIN } from '../http/cors.ts'
import { checkNoRepetition, readForm } from '../http/form.ts'
import { jsonResponse } from '../http/json_response.ts'
import type { ConnectionInfo } from '../options.ts'

const GRANTS: Readonly<Record<GrantType, Grant>> = {
  authorization_code: authorizationCode,
  refresh_token: refreshTokenGrant,
  client_credentials: clientCredentials,
}

/** What may be given once; `resource` may be repeated where it means one server (RFC 8707 §2). */
const PARAMETERS = [
  'grant_type',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'code',
  'code_verifier',
  'redirect_uri',
  'refresh_token',
  'scope',
]

/** The token endpoint (OAuth 2.1 §3.2): authenticate the client, then leave it to the grant. */
export async function token(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
): Promise<Response> {
  const parameters = await readForm(request)
  checkNoRepetition(parameters, PARAMETERS)
  const grantType = checkGrantType(parameters.get('grant_type'))
  const readSince = context.now()
  const client = await authenticateClient(context, request, parameters)
  if (!client.metadata.grant_types.includes(grantType)) {
    throw new OAuthError(
      'unauthorized_client',
      `This client is not registered for the grant type ${grantType}.`,
    )
  }
  const tokens = await GRANTS[grantType](context, { client, readSince, parameters, connection: info })
  context.telemetry.tokensIssued(grantType)
  return jsonResponse(tokens, NO_STORE_FOR_ANY_ORIGIN)
}

function checkGrantType(grantType: string | undefined): GrantType {
  if (grantType === undefined) throw new OAuthError('invalid_request', 'grant_type is missing.')
  if (Object.hasOwn(GRANTS, grantType)) return grantType as GrantType
  throw new OAuthError(
    'unsupported_grant_type',
    `grant_type must be one of ${Object.keys(GRANTS).join(', ')}.`,
  )
}
