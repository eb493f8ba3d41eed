import type { Auth } from './auth.ts'
import { BoundedMap } from './bounded_map.ts'
import { SessionNotFoundError } from './errors.ts'

export const SESSION_HEADER = 'mcp-session-id'

/** Takes up what an answer of the application says. */
export type NoteSession = (status: number, session: string | null | undefined) => void

const REMEMBERED_SESSIONS = 10_000

/** Who opened which session of MCP, in this process, as the sessions themselves are. They are of no use to others. */
export class SessionOwners {
  readonly #owners = new BoundedMap<string, string>(REMEMBERED_SESSIONS)

  /**
   * Lets pass who opened the session that a request names; sessions that are not known are the application's matter.
   *
   * @throws SessionNotFoundError
   */
  check(session: string | undefined, auth: Auth): void {
    if (!this.isOpenTo(session, auth)) throw new SessionNotFoundError()
  }

  isOpenTo(session: string | undefined, auth: Auth): boolean {
    const owner = session === undefined ? undefined : this.#owners.get(session)
    return owner === undefined || owner === ownerOf(auth)
  }

  /** For a request that names no session: what its answer may open. */
  opening(auth: Auth): NoteSession {
    return (status, session) => {
      if (session && status >= 200 && status < 300) this.#owners.set(session, ownerOf(auth))
    }
  }
}

function ownerOf({ subject, clientId }: Auth): string {
  return JSON.stringify([subject, clientId])
}
