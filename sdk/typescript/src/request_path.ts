/** Where a request goes, as it came on the wire: nothing is decoded or resolved. */
export interface RequestPath {
  path: string
  /** Without its question mark. */
  query: string
}

const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i

/** Splits a URL, or the target of a request (RFC 9112 §3.2). */
export function splitPath(target: string): RequestPath {
  const hash = target.indexOf('#')
  const text = hash === -1 ? target : target.slice(0, hash)
  const mark = text.indexOf('?')
  const path = withoutAuthority(mark === -1 ? text : text.slice(0, mark))
  return { path: path === '' ? '/' : path, query: mark === -1 ? '' : text.slice(mark + 1) }
}

function withoutAuthority(text: string): string {
  if (text.startsWith('/')) return text
  // The expression takes longer than all else here, and nearly every URL begins like this.
  const slash = text.startsWith('http://') ? text.indexOf('/', 'http://'.length) : -1
  return slash === -1 ? text.replace(AUTHORITY, '') : text.slice(slash)
}

/** What a router, or a proxy in front of it, may take for another path than it is written as. */
const AMBIGUOUS = /\/\/|\/\.{1,2}(?:\/|$)|\\|%(?:25)*(?:2f|5c|2e)/i

/** Whether a path needs no token. One that may mean another path never is. */
export function isPublicPath(path: string, publicPaths: readonly string[]): boolean {
  if (publicPaths.length === 0 || AMBIGUOUS.test(path)) return false
  return publicPaths.some((each) => (each.endsWith('*') ? path.startsWith(each.slice(0, -1)) : path === each))
}
