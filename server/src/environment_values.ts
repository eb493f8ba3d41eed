// What each variable of the environment admits, whichever the runtime. A refusal continues the sentence that the variable's
// name begins: what is wrong, and what would do. It never quotes what may hold a secret.
import type { SignUp } from './options.ts'

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
  const domains = text.split(',').map((domain) => domain.trim().toLowerCase())
  const wrong = domains.find(
    (domain) => !/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$/.test(domain),
  )
  if (wrong !== undefined)
    refuse(
      `holds ${quote(wrong)}, which is no e-mail domain: give closed, open, or domains such as example.com,example.org`,
    )
  return domains
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
