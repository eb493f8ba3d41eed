import type { TestServer } from '../support/server.ts'

/** A deployment, as the flow sees it. */
export interface SetUp {
  /** What is reached at the issuer's address. */
  server: TestServer
  /** Each of its nodes by itself; where there is one only, that one. */
  nodes: readonly TestServer[]
  close(): Promise<void>
}

/** Clients of the flow have their metadata documents on this machine. */
export const DEVELOPMENT = { ALLOW_LOOPBACK_FETCH: 'true' }
