/** An OpenID provider that people may sign in with, as the operator described it. */
export interface UpstreamOptions {
  /** Its issuer identifier, byte for byte as its discovery document has it: https, or http on loopback. */
  issuer: string
  /** How we are registered there. */
  clientId: string
  /** Default: none, for a public client. */
  clientSecret?: string | undefined
  /** What its button says behind "Continue with". */
  name: string
  /**
   * The e-mail domains that it is authoritative for (lower case): whose addresses it gives out, or owns the mail of.
   * `all` says that its directory is the operator's own, so that each verified address in it counts.
   */
  emailDomains: readonly string[] | 'all'
}

/** Where providers send people back to, below our issuer. */
export const UPSTREAM_CALLBACK_PATH = '/sign-in/upstream/callback'

/** Anybody opens an account there, under any address, so its directory is nobody's own. */
const GOOGLE = 'https://accounts.google.com'

/** Issuers of Microsoft Entra that stand for every tenant: the tokens name another. */
const ENTRA_FOR_ALL = /^https:\/\/login\.microsoftonline\.com\/(common|organizations|consumers)\//

/**
 * What is wrong with the description of a provider, as a sentence without its full stop that begins with a variable's
 * name; undefined where nothing is.
 *
 * @param own our issuer
 */
export function findUpstreamFault(upstream: UpstreamOptions, own: string): string | undefined {
  const { issuer, emailDomains } = upstream
  if (issuer === own) return 'UPSTREAM_ISSUER is this server itself: give the issuer of another one'
  if (ENTRA_FOR_ALL.test(issuer))
    return 'UPSTREAM_ISSUER stands for every tenant of Entra: give that of one, https://login.microsoftonline.com/<tenant id>/v2.0'
  if (emailDomains === 'all' && issuer === GOOGLE)
    return `UPSTREAM_EMAIL_DOMAINS is *, but anybody opens an account at ${issuer}: list the domains that count`
  return undefined
}
