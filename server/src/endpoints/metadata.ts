import { ASSERTION_ALGS } from '../authentication/client_authentication.ts'
import { CLIENT_AUTH_METHODS, GRANT_TYPES, ID_TOKEN_ALGS } from '../clients/metadata.ts'
import type { Issuer } from '../issuer.ts'

/**
 * What this server can do (RFC 8414 §2, OpenID Connect Discovery §3, RFC 9207 §3, and MCP's
 * `client_id_metadata_document_supported`). One document serves both discovery mechanisms.
 *
 * `scopes_supported` is minimal (OpenID Connect Discovery §3 lets a server not advertise the others): some clients ask
 * for all of it, and one that asks for `offline_access` is made to ask the person every time. Refresh tokens need no scope.
 */
export function serverMetadata({ url }: Issuer): object {
  return {
    issuer: url,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    userinfo_endpoint: `${url}/userinfo`,
    jwks_uri: `${url}/.well-known/jwks.json`,
    registration_endpoint: `${url}/register`,
    introspection_endpoint: `${url}/introspect`,
    revocation_endpoint: `${url}/revoke`,
    end_session_endpoint: `${url}/logout`,
    scopes_supported: ['openid'],
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'form_post'],
    grant_types_supported: GRANT_TYPES,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ID_TOKEN_ALGS,
    claims_supported: [
      'sub',
      'iss',
      'aud',
      'exp',
      'iat',
      'auth_time',
      'nonce',
      'at_hash',
      'email',
      'email_verified',
    ],
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
    token_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGS,
    revocation_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGS,
    introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'Bearer'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  }
}
