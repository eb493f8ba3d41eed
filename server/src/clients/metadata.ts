import { createHash } from 'node:crypto'
import { z } from 'zod'
import { checkRedirectUri } from '../checks/redirect_uri.ts'
import { OAuthError } from '../errors.ts'

export const GRANT_TYPES = ['authorization_code', 'refresh_token', 'client_credentials'] as const
export type GrantType = (typeof GRANT_TYPES)[number]

export const CLIENT_AUTH_METHODS = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
] as const
export type ClientAuthMethod = (typeof CLIENT_AUTH_METHODS)[number]

export const ID_TOKEN_ALGS = ['RS256', 'ES256', 'EdDSA'] as const
export type IdTokenAlg = (typeof ID_TOKEN_ALGS)[number]

/** Keys of a client that authenticates with `private_key_jwt`. */
export interface ClientJwks {
  keys: readonly Readonly<Record<string, unknown>>[]
}

/** What a client says of itself (RFC 7591 §2, OpenID Connect Registration §2), in normal form: defaults filled in. */
export interface ClientMetadata {
  client_name?: string
  client_uri?: string
  redirect_uris: readonly string[]
  grant_types: readonly GrantType[]
  token_endpoint_auth_method: ClientAuthMethod
  application_type: 'web' | 'native'
  id_token_signed_response_alg: IdTokenAlg
  scope?: string
  post_logout_redirect_uris?: readonly string[]
  jwks?: ClientJwks
  jwks_uri?: string
}

const text = (max: number) =>
  z
    .string()
    .max(max)
    .transform((value) => value.trim())

const webUrl = z.string().max(500).refine(isHttpsUrl, 'must be an https URL')

const wireMetadata = z.object({
  client_name: text(120).optional(),
  client_uri: webUrl.optional().catch(undefined),
  redirect_uris: z.array(z.string().max(500)).max(20).default([]),
  grant_types: z.array(z.string()).max(20).optional(),
  response_types: z.array(z.string()).max(20).optional(),
  token_endpoint_auth_method: z.enum(CLIENT_AUTH_METHODS).optional(),
  application_type: z.enum(['web', 'native']).optional(),
  id_token_signed_response_alg: z.enum(ID_TOKEN_ALGS).default('RS256'),
  scope: z.string().max(1000).optional(),
  post_logout_redirect_uris: z.array(z.string().max(500)).max(20).optional(),
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())).min(1).max(20) }).optional(),
  jwks_uri: webUrl.optional(),
})

/** What differs between the ways that a client comes in. */
export interface MetadataRules {
  /** What a client authenticates with when it does not say (RFC 7591 §2: client_secret_basic). */
  defaultAuthMethod: ClientAuthMethod
  authMethods: readonly ClientAuthMethod[]
  grantTypes: readonly GrantType[]
}

const REGISTERED: MetadataRules = {
  defaultAuthMethod: 'client_secret_basic',
  authMethods: CLIENT_AUTH_METHODS,
  grantTypes: GRANT_TYPES,
}

/**
 * Parses client metadata from outside. Unknown members are ignored, as RFC 7591 §2 asks; grant types and
 * response types that this server does not have are dropped, as its §3.2.1 allows, so long as some are left.
 *
 * @throws OAuthError `invalid_client_metadata` or `invalid_redirect_uri` (RFC 7591 §3.2.2)
 */
export function parseClientMetadata(input: unknown, rules: MetadataRules = REGISTERED): ClientMetadata {
  const parsed = wireMetadata.safeParse(input)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    refuse(`${issue?.path.join('.') || 'The document'}: ${issue?.message ?? 'is not client metadata'}.`)
  }
  const wire = parsed.data
  const method = wire.token_endpoint_auth_method ?? rules.defaultAuthMethod
  if (!rules.authMethods.includes(method)) {
    refuse(`token_endpoint_auth_method ${method} cannot be used here; use ${rules.authMethods.join(' or ')}.`)
  }
  if (
    wire.response_types !== undefined &&
    !wire.response_types.includes('code') &&
    wire.redirect_uris.length > 0
  ) {
    refuse('response_types must include code, the only response type of OAuth 2.1.')
  }
  const grant_types = checkGrantTypes(wire.grant_types, rules)
  for (const uri of wire.redirect_uris) checkRedirectUri(uri)
  for (const uri of wire.post_logout_redirect_uris ?? []) checkRedirectUri(uri)
  if (grant_types.includes('authorization_code') && wire.redirect_uris.length === 0) {
    throw new OAuthError(
      'invalid_redirect_uri',
      'redirect_uris is missing: the authorization code grant needs one or more.',
    )
  }
  checkKeys(method, wire)
  const { response_types: _, ...rest } = wire
  return withoutUndefined({
    ...rest,
    grant_types,
    token_endpoint_auth_method: method,
    application_type: wire.application_type ?? defaultApplicationType(wire.redirect_uris),
  })
}

function checkGrantTypes(asked: readonly string[] | undefined, rules: MetadataRules): readonly GrantType[] {
  // RFC 7591's default is the code grant alone; nearly every MCP client that says nothing expects to refresh.
  if (asked === undefined) return ['authorization_code', 'refresh_token']
  const grantTypes = GRANT_TYPES.filter((type) => asked.includes(type) && rules.grantTypes.includes(type))
  if (grantTypes.length === 0 || (grantTypes.length === 1 && grantTypes[0] === 'refresh_token')) {
    refuse(
      `grant_types must include one of ${rules.grantTypes.filter((type) => type !== 'refresh_token').join(', ')}.`,
    )
  }
  return grantTypes
}

function checkKeys(method: ClientAuthMethod, wire: z.infer<typeof wireMetadata>): void {
  if (wire.jwks !== undefined && wire.jwks_uri !== undefined) refuse('jwks and jwks_uri exclude each other.')
  if (method === 'private_key_jwt' && wire.jwks === undefined && wire.jwks_uri === undefined) {
    refuse('private_key_jwt needs jwks or jwks_uri with the public key.')
  }
  for (const key of wire.jwks?.keys ?? []) {
    if ('d' in key || key.kty === 'oct' || 'k' in key)
      refuse('jwks contains a private or symmetric key; only public keys belong there.')
  }
}

/** RFC 8252: a client whose redirects all lead to programs on the person's device is native. */
function defaultApplicationType(redirectUris: readonly string[]): 'web' | 'native' {
  const isNative = redirectUris.length > 0 && redirectUris.every((uri) => !uri.startsWith('https:'))
  return isNative ? 'native' : 'web'
}

function isHttpsUrl(value: string): boolean {
  return URL.canParse(value) && new URL(value).protocol === 'https:'
}

/**
 * The normal form: members in a fixed order, lists as sets, nothing undefined. Equal metadata has equal text, so
 * the same client that registers twice is the same client, and a changed document is seen to have changed.
 */
export function normalForm(metadata: ClientMetadata): string {
  const members = Object.entries(metadata).map(([key, value]) => [
    key,
    isStringList(value) ? [...new Set(value)].toSorted() : value,
  ])
  return JSON.stringify(Object.fromEntries(members), (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? withSortedMembers(value) : value,
  )
}

function withSortedMembers(value: object): object {
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** SHA-256 of the normal form: what a remembered consent is bound to. */
export function metadataDigest(metadata: ClientMetadata): Buffer {
  return createHash('sha256').update(normalForm(metadata)).digest()
}

function isStringList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

type WithoutUndefined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

function withoutUndefined<T extends object>(value: T): WithoutUndefined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as WithoutUndefined<T>
}

function refuse(description: string): never {
  throw new OAuthError('invalid_client_metadata', description)
}
