import type { GrantType } from '../clients/metadata.ts'
import type { ErrorCode } from '../errors.ts'
import type { SignInMethod } from '../sign_in/completion.ts'
import type { DenialRow } from '../storage/denials.ts'
import type { RefreshOutcome } from '../storage/tokens.ts'
import type { RevocationReason } from '../tokens/revocation.ts'

/** A request that was answered. */
export interface AnsweredRequest {
  /** The pattern of its route, below the path of the issuer, such as `/register/:clientId`; never a path that was asked for. */
  route: string
  method: string
  status: number
  /** From its first handler to the head of its answer. */
  seconds: number
  /** The code of the refusal, where it was refused. */
  refusedWith: ErrorCode | undefined
}

/**
 * What the server tells of its work as numbers; an entry gives it something that counts. Every argument is one of a
 * few known words, so that what counts them stays small whatever strangers send, and none names a client, a person or a token.
 */
export interface Telemetry {
  requestAnswered(request: AnsweredRequest): void
  tokensIssued(grantType: GrantType): void
  /** `forged` is what we never made. */
  refreshTokenPresented(outcome: RefreshOutcome | 'forged'): void
  grantsRevoked(reason: RevocationReason, count: number): void
  denialRecorded(kind: DenialRow['kind']): void
  signInTried(method: SignInMethod, outcome: 'succeeded' | 'failed'): void
  introspected(active: boolean): void
}

/** Counts nothing. */
export const silentTelemetry: Telemetry = {
  requestAnswered() {},
  tokensIssued() {},
  refreshTokenPresented() {},
  grantsRevoked() {},
  denialRecorded() {},
  signInTried() {},
  introspected() {},
}

/** What can be measured at any moment. */
export interface Measurements {
  /** How many denials this node has in memory. */
  denials: number
  /** Since what was read last of denials was true, in seconds; Infinity before the first reading. Nobody asked, nothing is read. */
  denialsAge: number
  /** Since the newest key of each algorithm began to sign, in seconds. */
  signingKeyAges: ReadonlyMap<string, number>
}
