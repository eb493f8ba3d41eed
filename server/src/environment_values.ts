// What each variable of the environment admits, whichever the runtime. A refusal continues the sentence that the variable's
// name begins: what is wrong, and what would do. It never quotes what may hold a secret.
import type { SignUp } from './options.ts'
import { findUpstreamFault, type UpstreamOptions } from './upstream_options.ts'

/** Server secrets, newest first. */
export function parseSecrets(text: string): readonly string[] {
  const secrets = text.split(',').map((secret) => secret.trim())
  if (secrets.some((secret) => Buffer.byteLength(secret) < 32))
    refuse(
      'holds a secret of less than 32 bytes: give 32 random bytes or more, such as the output of `openssl rand -base64 32`, and commas between several only',
    )
  if (new Set(secrets).size !== secrets.length)
    refuse('holds the same secret twice: list each once, the newest first')
  return secrets
}

/** RFC 6750 §2.1: what can stand in an Authorization header. */
export function parseAdminToken(text: string): string {
  if (!/^[A-Za-z0-9\-._~+/]{16,}=*$/.test(text))
    refuse(
      'cannot be used as a bearer token: give 16 characters or more out of letters, digits and -._~+/, such as the output of `openssl rand -hex 32`',
    )
  return text
}

/** One address. */
export function parseEmail(text: string): string {
  if (!/^[^\s@]+@[^\s@]+$/.test(text))
    refuse(`is ${quote(text)}, which is no e-mail address: give one such as you@example.com`)
  return text
}

/** A URL of http or https. */
export function parseWebUrl(text: string, whose: string): string {
  const url = parseUrl(text)
  if (!url || !/^https?:$/.test(url.protocol)) refuse(`is no URL of http or https: give that of ${whose}`)
  return text
}

/** Who may make an account. */
export function parseSignUp(text: string): SignUp {
  if (text === 'closed' || text === 'open') return text
  return parseDomains(text, 'closed, open, or domains such as example.com,example.org')
}

/** Whose addresses an upstream provider vouches for. */
export function parseEmailDomains(text: string): UpstreamOptions['emailDomains'] {
  if (text.trim() === '*') return 'all'
  return parseDomains(text, 'domains such as example.com,example.org, or * where its directory is your own')
}

function parseDomains(text: string, whatWouldDo: string): readonly string[] {
  const domains = text.split(',').map((domain) => domain.trim().toLowerCase())
  const wrong = domains.find(
    (domain) => !/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$/.test(domain),
  )
  if (wrong !== undefined) refuse(`holds ${quote(wrong)}, which is no e-mail domain: give ${whatWouldDo}`)
  return domains
}

/** The issuer of an upstream provider: as its discovery document has it, so nothing is mended (OpenID Connect Discovery §3). */
export function parseUpstreamIssuer(text: string): string {
  const url = parseUrl(text)
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url?.hostname ?? '')
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback)
  if (!url || !isSafe || /[?#]/.test(text) || url.username !== '' || url.password !== '')
    refuse(
      `is ${quote(text)}, which is no issuer of an OpenID provider: give the "issuer" of its discovery document, such as https://login.example.com`,
    )
  return text
}

/** The variables of an upstream provider. */
interface UpstreamValues {
  UPSTREAM_ISSUER?: string | undefined
  UPSTREAM_CLIENT_ID?: string | undefined
  UPSTREAM_CLIENT_SECRET?: string | undefined
  UPSTREAM_NAME?: string | undefined
  UPSTREAM_EMAIL_DOMAINS?: UpstreamOptions['emailDomains'] | undefined
  ALLOW_LOOPBACK_FETCH?: 'true' | 'false'
}

/**
 * The provider that they describe together, or undefined where there is none.
 *
 * @param own our issuer
 * @throws Error with a sentence that begins with the name of the variable that is missing
 */
export function toUpstream(values: UpstreamValues, own: string): UpstreamOptions | undefined {
  const {
    UPSTREAM_ISSUER: issuer,
    UPSTREAM_CLIENT_ID: clientId,
    UPSTREAM_EMAIL_DOMAINS: emailDomains,
  } = values
  if (issuer === undefined) {
    const [stray] = Object.entries(values).find(([name, value]) => /^UPSTREAM_/.test(name) && value) ?? []
    if (stray !== undefined) refuse(`UPSTREAM_ISSUER is missing beside ${stray}: set both, or neither.`)
    return undefined
  }
  if (clientId === undefined)
    refuse('UPSTREAM_CLIENT_ID is missing beside UPSTREAM_ISSUER: register this server there, and set both.')
  if (emailDomains === undefined)
    refuse(
      'UPSTREAM_EMAIL_DOMAINS is missing beside UPSTREAM_ISSUER: list the e-mail domains that this provider is authoritative for, or give * where its directory is your own.',
    )
  const name = values.UPSTREAM_NAME ?? new URL(issuer).host
  const upstream = { issuer, clientId, clientSecret: values.UPSTREAM_CLIENT_SECRET, name, emailDomains }
  const fault = findUpstreamFault(upstream, own)
  if (fault !== undefined) refuse(`${fault}.`)
  if (issuer.startsWith('http:') && values.ALLOW_LOOPBACK_FETCH !== 'true')
    refuse(
      'UPSTREAM_ISSUER is on plain http, which is for development only: set ALLOW_LOOPBACK_FETCH=true as well, or give an issuer on https.',
    )
  return upstream
}

/** A whole number within bounds. */
export function parseInteger(text: string, least: number, most: number, what: string): number {
  const value = /^\d{1,10}$/.test(text.trim()) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most))
    refuse(`is ${quote(text)}, which does not do for ${what}: give a whole number from ${least} to ${most}`)
  return value
}

/** One of several words. */
export function parseChoice<Choice extends string>(text: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === text)
  return (
    found ??
    refuse(
      `is ${quote(text)}, which is none of the choices: give ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`,
    )
  )
}

/** A URL, or undefined where it is none. */
export function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

/** A value in a refusal. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}

/** Refuses a value; the reason goes on from the name of its variable. */
export function refuse(reason: string): never {
  throw new Error(reason)
}
