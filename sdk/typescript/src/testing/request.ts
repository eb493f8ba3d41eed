import type { Decision, IncomingRequest, Protection } from '../protection.ts'
import { splitPath } from '../request_path.ts'

/** A request as an adapter hands it over. */
export function incoming(
  target: string,
  {
    method = 'POST',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): IncomingRequest {
  const given = new Headers(headers)
  return {
    method,
    ...splitPath(target),
    header: (name) => given.get(name) ?? undefined,
    readBody: async () => ({ bytes: new TextEncoder().encode(body) }),
  }
}

/** Sends a token, and tells what is decided, as `200` or the status and code of the refusal. */
export async function send(
  protection: Protection,
  token: string,
  headers: Record<string, string> = {},
): Promise<string> {
  return describe(
    await protection.decide(incoming('/mcp', { headers: { Authorization: `Bearer ${token}`, ...headers } })),
  )
}

export function describe(decision: Decision): string {
  if (decision.answer === undefined) return '200'
  const { status, body } = decision.answer
  return `${status} ${JSON.parse(body ?? '{}').error}`
}
