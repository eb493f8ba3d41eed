/** The server answered, but not with what was asked for. */
export class Refusal extends Error {
  readonly status: number
  /** The error code, such as `login_required`. */
  readonly code: unknown

  constructor(status: number, code?: unknown) {
    super(`The server answered ${status}.`)
    this.status = status
    this.code = code
  }
}

export type Post = (path: string, body: unknown) => Promise<Record<string, unknown>>

/** Posts JSON to this server, with the page's proof that the request comes from it. */
export function createPost(basePath: string, csrf: string): Post {
  return async (path, body) => {
    const response = await fetch(`${basePath}${path}`, {
      method: 'POST',
      mode: 'same-origin',
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf },
      body: JSON.stringify(body),
    })
    const answer: unknown = await response.json().catch(() => null)
    if (!response.ok) throw new Refusal(response.status, (answer as { error?: unknown } | null)?.error)
    if (typeof answer !== 'object' || answer === null) throw new Refusal(response.status)
    return answer as Record<string, unknown>
  }
}
