import type { VirtualUser } from './load.ts'

/** What is asked; each is a line of the table. */
export const WORKS = [
  /** A token by client credentials, the client authenticated by its secret in `Authorization: Basic`. */
  'client credentials',
  /** Refresh with rotation: each user goes along a chain of their own. */
  'refresh',
  /** Introspection of a live token out of 10,000, each seen before. */
  'introspection, seen',
  /** Introspection of a live token out of more than any cache holds. */
  'introspection, never seen',
  'introspection, revoked',
  /** Of 43 characters that nobody issued, others each time. */
  'introspection, rubbish',
  /**
   * A whole authorization in a browser that has signed in: the authorization request with PKCE, consent, which is asked for each time,
   * the code, and its exchange. Timed from the first request to the tokens.
   */
  'authorization',
  /** The document of OpenID Connect Discovery, or of RFC 8414 where there is no other. */
  'metadata',
  'JWKS',
  /** Dynamic registration (RFC 7591). */
  'registration',
  /** Sign-in by a password that is right, up to the session cookie; each user has an account of their own. */
  'password sign-in',
] as const

export type Work = (typeof WORKS)[number]

export interface StartOptions {
  /** An empty PostgreSQL database of its own, as its superuser, over TCP on 127.0.0.1. */
  databaseUrl: string
  /** The core, or cores, that all its processes are bound to from their start. */
  core: number | readonly number[]
}

/** Something that is measured, as it runs. */
export interface Subject {
  port: number
  /** Of its first process; its descendants belong to it. */
  pid: number
  /** From the start of the process, with a database that is migrated, to its first answer; in seconds. */
  startUp: number
  /**
   * Makes users for a work, `count` of them, with what they need: clients, tokens, sessions. They keep their state from one run to the
   * next, so they are made once.
   */
  users(work: Work, count: number): Promise<readonly VirtualUser[]>
  /** Of its PostgreSQL, where that is not the one of all. */
  databasePid?: number
  /** Where it answers requests of this work, if not at `port`. */
  portOf?(work: Work): number
  close(): Promise<void>
}

/** Something that can be measured. */
export interface SubjectDescription {
  /** As the table shows it, with its version and where it keeps its state. */
  name: string
  works: readonly Work[]
  /** Whether it works on the other core as well, beside PostgreSQL and whoever asks: then its runs count though that one is busy. */
  usesBothCores?: boolean
  /** How long it works at the least before the runs that count: a virtual machine compiles what it has done often. */
  warmUpSeconds?: number
  /** Installs or builds what is missing, before any is started. */
  prepare?(): Promise<void>
  start(options: StartOptions): Promise<Subject>
}
