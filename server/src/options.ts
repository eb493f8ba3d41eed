import type { AttemptCounters } from './attempt_counters.ts'
import type { FetchPublicUrl } from './clients/public_fetch.ts'
import type { EndOfTurn } from './end_of_turn.ts'
import type { Logger } from './log.ts'
import type { DevelopmentInbox, Mailer } from './mail.ts'
import type { Queue } from './queue.ts'
import type { Database } from './storage/database.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import type { UpstreamOptions } from './upstream_options.ts'

export type { UpstreamOptions }

/** Algorithms that access tokens can be signed with (RFC 7518 §3.1, RFC 8037). */
export const SIGNING_ALGS = ['ES256', 'RS256', 'EdDSA', 'HS256'] as const
export type SigningAlg = (typeof SIGNING_ALGS)[number]

/** The longest that an access token may live, in seconds. Denials are kept for as long. */
export const MAX_ACCESS_TOKEN_TTL = 86_400

/** What verifiers may allow for clocks that differ, in seconds: denials and keys outlast a token by as much. */
export const MAX_LEEWAY = 300

/**
 * Who may make an account: nobody but the owner and those invited, everybody,
 * or everybody with an address at one of these e-mail domains (lower case).
 */
export type SignUp = 'closed' | 'open' | readonly string[]

/** Everything that an entry (Node, Workers, a test) decides for the server. */
export interface ServerOptions {
  /** The issuer identifier, byte for byte, without a trailing slash (RFC 8414 §2). https, or http on loopback. */
  issuer: string
  /** PostgreSQL 15 to 18, already migrated. */
  database: Database
  /** Where guesses and mails are counted, for all nodes. Default: the database. */
  attemptCounters?: AttemptCounters | undefined
  /** Server secrets of 32 bytes or more, newest first. They wrap the keys in the database and nothing else. */
  secrets: readonly string[]
  /** What access tokens are signed with. Default `ES256`. */
  signingAlg?: SigningAlg
  /** Lifetime of an access token in seconds, a day at the most. Default 3600. */
  accessTokenTtl?: number
  /** Lifetime of an unused refresh token in seconds; each use begins it anew. Default 2592000 (30 days). */
  refreshTokenTtl?: number
  /** Lifetime of a grant in seconds, however often it is refreshed. Default 31536000 (one year). */
  refreshTokenMaxTtl?: number
  /** Default `closed`. */
  signUp?: SignUp
  /** Iterations of PBKDF2-SHA-256 for new password hashes. Default 600000. */
  pbkdf2Iterations?: number
  /**
   * The most iterations that the platform derives; a hash of more is never a password's. Default: no limit. Workers
   * refuse more than 100000.
   */
  maxPbkdf2Iterations?: number
  /**
   * Lets a few passwords be stretched at once, where the runtime has few threads for all work of this kind. Default: none, as on
   * Workers, where requests may not share work.
   */
  passwordQueue?: Queue | undefined
  /**
   * Attempts from browsers that are not known that the whole server allows: wrong passwords in a quarter of an hour, mails in an hour;
   * of an upstream provider three times as many. Default 1000, which is enough for some ten thousand sign-ins an hour.
   */
  attemptBudget?: number
  /** A management credential for automation, of the root organisation's owner. Default: none. */
  adminToken?: string | undefined
  /** Makes the first owner without a browser. Default: none; a one-time link does. */
  owner?: { email: string; password: string } | undefined
  /** How mail leaves. Without it, codes and invitations by mail are not offered. */
  mailer?: Mailer | undefined
  /** The development inbox behind `/dev/inbox`; only accepted with a loopback issuer. Default: none. */
  inbox?: DevelopmentInbox | undefined
  /** The one guarded fetcher of strangers' URLs. */
  fetchPublicUrl: FetchPublicUrl
  /** An OpenID provider that people may sign in with. Default: none. */
  upstream?: UpstreamOptions | undefined
  /** Fetches from that provider, whom the operator named. Default: as strangers' URLs. */
  fetchUpstream?: FetchPublicUrl | undefined
  /** Where log lines go. Default: nowhere. */
  log?: Logger
  /**
   * How old what a node knows of denials may be where it checks a token, in milliseconds. Default 700, so that what was revoked
   * on another node is refused within a second.
   */
  denialsMaxAge?: number
  /** The same, while MCP servers wait for news of denials. Default 250. */
  feedMaxAge?: number
  /**
   * Is told of work that no answer waits for, such as mail that is sent, where the runtime would else end it with the
   * request. It never rejects. Default: it is left to run.
   */
  waitUntil?: (work: Promise<void>) => void
  /**
   * Resolves at the end of the event loop's turn, for all who wait then. Where there is one, requests that come at once go to the
   * database together, and their signatures are made and checked one right after another, while the code is in the processor's
   * caches: that takes a quarter off what a token costs. Default: none, as on Workers, where requests may not share work.
   */
  endOfTurn?: EndOfTurn | undefined
  /** What counts. Default: nothing does, at no cost. */
  telemetry?: Telemetry | undefined
  /** The clock, in milliseconds since the epoch. Default `Date.now`. */
  now?: () => number
}

/** What the runtime knows of the connection that a request came on. */
export interface ConnectionInfo {
  /** The client's address, or undefined where it is not known (traffic through a proxy that nobody configured). */
  clientAddress: string | undefined
  /** Whether the socket itself, not a forwarding header, is local to this machine at both ends. */
  loopback: boolean
  /** Aborts when the listener is about to close: monitors are told, and whoever waits for news is answered. */
  closing?: AbortSignal
  /** What a trusted proxy calls this request, in the log and to whoever asks; made here where there is none. */
  requestId?: string | undefined
  /** Where in its trace a trusted proxy was: the `traceparent` of W3C Trace Context. */
  traceParent?: string | undefined
  /** What the entry keeps for the request; whatever is done for that finds it by `currentInvocation`. */
  invocation?: object | undefined
}
