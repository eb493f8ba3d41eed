import type { Telemetry } from '@auth-agent/server/telemetry'

// Every word that a label may be. Such a series begins with 0 at the start: to Prometheus, the first event of a series that
// begins with it is no increase, and so no alert.

type FirstArgument<Name extends keyof Telemetry> = Parameters<Telemetry[Name]>[0]

/** All words of a type; the compiler misses those that are left out. */
function allOf<Word extends string>(words: Readonly<Record<Word, true>>): readonly Word[] {
  return Object.keys(words) as Word[]
}

export const GRANT_TYPES = allOf<FirstArgument<'tokensIssued'>>({
  authorization_code: true,
  refresh_token: true,
  client_credentials: true,
})

export const OUTCOMES = allOf<FirstArgument<'refreshTokenPresented'>>({
  rotated: true,
  ahead: true,
  raced: true,
  repeated: true,
  theft: true,
  revoked: true,
  expired: true,
  barred: true,
  other_client: true,
  other_resource: true,
  scope_exceeded: true,
  forged: true,
})

export const REASONS = allOf<FirstArgument<'grantsRevoked'>>({
  theft: true,
  code_replay: true,
  client_request: true,
  user_request: true,
  password_reset: true,
  access_policy: true,
  client_policy: true,
  client_removed: true,
  server_removed: true,
})

export const SIGN_IN_METHODS = allOf<FirstArgument<'signInTried'>>({
  password: true,
  email_code: true,
  passkey: true,
  setup_link: true,
  invitation: true,
  password_reset: true,
  upstream: true,
})
