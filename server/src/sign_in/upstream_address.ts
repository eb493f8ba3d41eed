import type { UpstreamOptions } from '../upstream_options.ts'
import { findEmailAddress } from './email_address.ts'

/** What a provider says of a person's address: claims of an id token, or of userinfo. */
export type AddressClaims = Readonly<Record<string, unknown>>

/** An address that a provider vouches for, or why it does not. */
export type AddressFinding =
  | { email: string }
  | { fault: 'no_address' | 'not_verified' | 'foreign_domain'; email?: string }

const GOOGLE = 'https://accounts.google.com'
const ENTRA = /^https:\/\/login\.microsoftonline\.com\//

/**
 * The address that the claims prove: verified, and at a domain that the provider is authoritative for. Any other address
 * could have been somebody else's when it was verified, or since.
 */
export function findProvedAddress(
  claims: AddressClaims,
  { issuer, emailDomains }: Pick<UpstreamOptions, 'issuer' | 'emailDomains'>,
): AddressFinding {
  const email = findEmailAddress(typeof claims['email'] === 'string' ? claims['email'] : undefined)
  if (email === undefined) return { fault: 'no_address' }
  if (!isVerified(claims, issuer)) return { fault: 'not_verified', email }
  const domain = email.slice(email.lastIndexOf('@') + 1)
  const isOwn = emailDomains === 'all' || emailDomains.includes(domain)
  return isOwn && isHostedThere(claims, issuer, domain) ? { email } : { fault: 'foreign_domain', email }
}

/**
 * OpenID Connect Core §5.1: a boolean; Amazon Cognito writes it as a string. Entra has no such claim, and lets a
 * tenant write any address into `email`; its optional `xms_edov` says that the tenant has proved the domain.
 */
function isVerified(claims: AddressClaims, issuer: string): boolean {
  if (ENTRA.test(issuer)) return [true, 1, '1', 'true'].some((yes) => yes === claims['xms_edov'])
  return claims['email_verified'] === true || claims['email_verified'] === 'true'
}

/**
 * Google verifies any address once, and is authoritative only for its own and for those of a Workspace, which `hd` names
 * ("Verify the Google ID token on your server side").
 */
function isHostedThere(claims: AddressClaims, issuer: string, domain: string): boolean {
  if (issuer !== GOOGLE || domain === 'gmail.com') return true
  return typeof claims['hd'] === 'string' && claims['hd'] !== ''
}
