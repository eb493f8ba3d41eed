/** The server answered, but not with what was asked for. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number) {
    super(`The server answered ${status}.`)
    this.status = status
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
    if (!response.ok) throw new Refusal(response.status)
    const answer: unknown = await response.json()
    if (typeof answer !== 'object' || answer === null) throw new Refusal(response.status)
    return answer as Record<string, unknown>
  }
}
