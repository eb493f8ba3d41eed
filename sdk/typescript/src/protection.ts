import type { Answer } from './answer.ts'
import type { Auth } from './auth.ts'
import type { HeaderList } from './cors.ts'
import type { RequestBody } from './request_body.ts'
import type { NoteSession } from './session_owners.ts'
import type { ToolListFilter } from './tool_list_filter.ts'

/** A request as an adapter has it. */
export interface IncomingRequest {
  method: string
  /** As it came on the wire, neither decoded nor resolved. */
  path: string
  /** Without its question mark. */
  query: string
  /** A header by its name in lower case; several of one name joined by commas. */
  header(name: string): string | undefined
  /**
   * Reads the body, so that the application can read it all the same.
   *
   * @throws AuthAgentError `request_too_large`
   */
  readBody(limit: number): Promise<RequestBody>
}

/** What is to become of a request. */
export type Decision = { readonly answer: Answer } | Passage

/** The request goes on to the application. */
export interface Passage {
  readonly answer?: undefined
  /** Who asks; undefined where no token is needed. */
  readonly auth: Auth | undefined
  /** What the application's answer gets, where it does not set it itself. */
  readonly cors: HeaderList | undefined
  /** Where the answer lists tools. The application must not be let compress it. */
  readonly listFilter: ToolListFilter | undefined
  /** Where the answer may open a session. */
  readonly noteSession: NoteSession | undefined
}

/** Protects one MCP server. Adapters ask it about each request. */
export interface Protection {
  /** At once where nothing is to be waited for, as with a token that is known to be good. */
  decide(request: IncomingRequest): Decision | Promise<Decision>
  /** The answer to somebody who needs more scopes than he has. */
  answerInsufficientScope(scopes: readonly string[]): Answer
  /** The claims of a token that comes without a request, so that it must not be bound to a key. */
  verifyToken(token: string): Promise<Auth>
  /** Ends what runs in the background. */
  close(): void
}
