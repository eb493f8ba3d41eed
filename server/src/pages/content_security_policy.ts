import { findLinkable } from './stranger_text.tsx'

const WEB_ORIGIN = /^https?:\/\/[a-z0-9_-]+(\.[a-z0-9_-]+)*(:\d+)?$/
const SCHEME = /^[a-z][a-z0-9+.-]*:$/

/**
 * The policy of every page (CSP Level 3). Chromium applies `form-action` to the redirects that follow a form too,
 * so a page whose form ends at a client names the client's redirect URI, origin or scheme in `formActions`.
 *
 * It applies it to every further hop as well (seen in Chromium 156): a callback on the web or on this computer that
 * goes on to another origin, as www.cursor.com does to cursor.com, would have the code, while the person is left on a
 * page that no longer answers. Such hops end on https, so where a form ends at a web address, https is open to it.
 */
export function contentSecurityPolicy(formActions: readonly string[] = []): string {
  const targets = new Set(formActions.map(findFormActionSource).filter((source) => source !== undefined))
  if ([...targets].some((source) => source.startsWith('http'))) targets.add('https:')
  return [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    `form-action ${["'self'", ...targets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')
}

/**
 * The CSP source for a redirect URI, an origin (`https://app.example`) or a scheme (`cursor:`, `http:`); undefined for
 * what is none of them. It is rebuilt from the parsed URL, so that nothing in it can begin another directive.
 */
export function findFormActionSource(target: string): string | undefined {
  if (target === 'http:') return target
  const url = findLinkable(target)
  if (url === undefined) return undefined
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return SCHEME.test(url.protocol) ? url.protocol : undefined
  // CSP has no notation for IPv6 literals (http://[::1]:7777): the scheme is the narrowest there is.
  if (url.hostname.startsWith('[')) return url.protocol
  return WEB_ORIGIN.test(url.origin) ? url.origin : undefined
}
