import type { AttemptCounters } from './attempt_counters.ts'
import type { AuditLog } from './audit/events.ts'
import type { ClientDirectory } from './clients/directory.ts'
import type { EndOfTurn } from './end_of_turn.ts'
import type { Issuer } from './issuer.ts'
import type { PurposeKeys } from './keys/purpose_keys.ts'
import type { Logger } from './log.ts'
import type { DevelopmentInbox, Mailer } from './mail.ts'
import type { SigningAlg, SignUp } from './options.ts'
import type { Stretching } from './sign_in/password_hash.ts'
import type { UpstreamProvider } from './sign_in/upstream_provider.ts'
import type { Storage } from './storage/storage.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import type { Denials } from './tokens/denials.ts'
import type { SigningKeys } from './tokens/signing_keys.ts'

/** The options with their defaults, but for what became a part of its own. */
export interface Settings {
  signingAlg: SigningAlg
  accessTokenTtl: number
  refreshTokenTtl: number
  refreshTokenMaxTtl: number
  signUp: SignUp
  attemptBudget: number
  adminToken: string | undefined
  /** In milliseconds, as is the next. */
  denialsMaxAge: number
  feedMaxAge: number
}

/** What every endpoint works with. Built once by `createServer`, never changed after. */
export interface ServerContext {
  issuer: Issuer
  settings: Settings
  storage: Storage
  attemptCounters: AttemptCounters
  purposeKeys: PurposeKeys
  signingKeys: SigningKeys
  denials: Denials
  clients: ClientDirectory
  audit: AuditLog
  telemetry: Telemetry
  stretching: Stretching
  upstream: UpstreamProvider | undefined
  mailer: Mailer | undefined
  inbox: DevelopmentInbox | undefined
  log: Logger
  /** See {@link ServerOptions.endOfTurn}. */
  endOfTurn: EndOfTurn | undefined
  /** Lets work go on that no answer waits for. */
  waitUntil(work: Promise<void>): void
  /** Milliseconds since the epoch. */
  now(): number
}
