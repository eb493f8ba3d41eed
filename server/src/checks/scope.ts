import { OAuthError } from '../errors.ts'

/** What the authorization server itself understands: OpenID Connect Core §5.4 and §11, and the management API. */
export const RESERVED_SCOPES = [
  'openid',
  'profile',
  'email',
  'phone',
  'address',
  'offline_access',
  'manage',
] as const

/** The scope of access tokens for the management API. */
export const MANAGE_SCOPE = 'manage'

/** What this server offers of OpenID Connect Core §5.4 and §11, to every client. */
export const OPENID_SCOPES = ['openid', 'email', 'offline_access'] as const

/** Whether it asks for a person's identity or for a refresh token, not for something of an MCP server. */
export function isOpenidScope(name: string): boolean {
  return (OPENID_SCOPES as readonly string[]).includes(name)
}

const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** Whether it is a scope-token of RFC 6749 §3.3: printable ASCII but for space, double quote and backslash. */
export function isScopeName(text: string): boolean {
  return SCOPE_TOKEN.test(text)
}

/** Whether it means something to this server, so that no MCP server can offer it. */
export function isReservedScope(name: string): boolean {
  return (RESERVED_SCOPES as readonly string[]).includes(name)
}

/**
 * Parses the value of `scope`: scope-token *( SP scope-token ), each once, in the order given. Empty text is an
 * empty list.
 *
 * @throws OAuthError `invalid_scope` where it does not follow the grammar (RFC 6749 §3.3)
 */
export function parseScope(text: string): string[] {
  if (text === '') return []
  const names = text.split(' ')
  if (names.includes('')) {
    throw new OAuthError(
      'invalid_scope',
      'scope must separate its names by one space, with none around them.',
    )
  }
  const invalid = names.find((name) => !isScopeName(name))
  if (invalid !== undefined) {
    throw new OAuthError(
      'invalid_scope',
      `scope contains ${invalid.slice(0, 100)}: its names consist of printable ASCII characters other than a double quote and a backslash.`,
    )
  }
  return [...new Set(names)]
}
