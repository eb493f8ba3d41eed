/** Where a request goes, as it came on the wire: nothing is decoded or resolved. */
export interface RequestPath {
  path: string
  /** Without its question mark. */
  query: string
}

const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i

/** Splits a URL, or the target of a request (RFC 9112 §3.2). */
export function splitPath(target: string): RequestPath {
  const afterAuthority = target.startsWith('/') ? target : target.replace(AUTHORITY, '')
  const hash = afterAuthority.indexOf('#')
  const text = hash === -1 ? afterAuthority : afterAuthority.slice(0, hash)
  const mark = text.indexOf('?')
  const path = mark === -1 ? text : text.slice(0, mark)
  return { path: path === '' ? '/' : path, query: mark === -1 ? '' : text.slice(mark + 1) }
}

/** What a router, or a proxy in front of it, may take for another path than it is written as. */
const AMBIGUOUS = /\/\/|\/\.{1,2}(?:\/|$)|\\|%(?:25)*(?:2f|5c|2e)/i

/** Whether a path needs no token. One that may mean another path never is. */
export function isPublicPath(path: string, publicPaths: readonly string[]): boolean {
  if (publicPaths.length === 0 || AMBIGUOUS.test(path)) return false
  return publicPaths.some((each) => (each.endsWith('*') ? path.startsWith(each.slice(0, -1)) : path === each))
}
