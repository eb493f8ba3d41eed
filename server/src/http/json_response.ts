/** For answers with tokens or about them (RFC 6749 §5.1). */
export const NO_STORE = { 'Cache-Control': 'no-store' }

/** A JSON answer. Members that are undefined are left out. */
export function jsonResponse(body: object, headers: Record<string, string> = {}, status = 200): Response {
  return jsonTextResponse(JSON.stringify(body), headers, status)
}

/** The same, of what is JSON already. */
export function jsonTextResponse(body: string, headers: Record<string, string> = {}, status = 200): Response {
  return new Response(body, { status, headers: { 'Content-Type': 'application/json', ...headers } })
}
