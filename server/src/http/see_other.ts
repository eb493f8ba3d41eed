import type { ServerContext } from '../context.ts'

/**
 * Sends the browser on to a page of ours by GET (RFC 9110 §15.4.4).
 *
 * @param path of this issuer, with its base path
 */
export function seeOther(context: ServerContext, path: string, cookies: readonly string[] = []): Response {
  const headers = { Location: context.issuer.origin + path, 'Cache-Control': 'no-store' }
  return withCookies(new Response(null, { status: 303, headers }), cookies)
}

/** The same answer, and cookies with it. */
export function withCookies(response: Response, cookies: readonly (string | undefined)[]): Response {
  const headers = new Headers(response.headers)
  for (const cookie of cookies) if (cookie !== undefined) headers.append('Set-Cookie', cookie)
  return new Response(response.body, { status: response.status, headers })
}

/** The same answer, with the headers of a refusal such as `Retry-After`. */
export function withHeaders(response: Response, added: Readonly<Record<string, string>>): Response {
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(added)) headers.set(name, value)
  return new Response(response.body, { status: response.status, headers })
}
