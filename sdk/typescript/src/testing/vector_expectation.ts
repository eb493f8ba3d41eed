import { expect } from 'vitest'
import type { Auth } from '../auth.ts'
import type { Expectation, ServerState } from './vectors.ts'

/** What came of a request. */
export interface Outcome {
  status: number
  headers: Headers
  text: string
  /** What the application saw; undefined where it was not reached. */
  seen: { auth: Auth | undefined; headers: Headers; body: string } | undefined
  asked: Partial<Record<keyof ServerState, number>>
}

export function expectOutcome(outcome: Outcome, expected: Expectation): void {
  const { status, headers, text, seen, asked } = outcome
  const where = `answered ${status} ${text.slice(0, 500)}`
  if (expected.status !== undefined) expect(status, where).toBe(expected.status)
  if (expected.reached !== undefined) expect(seen !== undefined, `${where}; reached`).toBe(expected.reached)
  expectHeaders(headers, expected.headers)
  if ('body' in expected) expectHeld(JSON.parse(text), expected.body)
  if (expected.body_text !== undefined) expect(text).toBe(expected.body_text)
  if (expected.events !== undefined) expectHeld(parseEvents(text), expected.events)
  if (expected.auth !== undefined) expect(describeAuth(seen?.auth)).toEqual(expected.auth)
  expectHeaders(seen?.headers ?? new Headers(), expected.received?.headers)
  if (expected.received?.body !== undefined) expect(seen?.body).toBe(expected.received.body)
  for (const [member, times] of Object.entries(expected.asked ?? {})) {
    expect(asked[member as keyof ServerState] ?? 0, `asked for ${member}`).toBe(times)
  }
}

/** Each member that is given; what there is besides does not matter. */
function expectHeld(actual: unknown, expected: unknown): void {
  const where = `${JSON.stringify(actual)} holds ${JSON.stringify(expected)}`
  if (Array.isArray(expected)) {
    expect(Array.isArray(actual) ? actual.length : actual, where).toBe(expected.length)
    for (const [index, each] of expected.entries()) expectHeld((actual as unknown[])[index], each)
  } else if (typeof expected === 'object' && expected !== null) {
    expect(typeof actual === 'object' && actual !== null, where).toBe(true)
    for (const [name, value] of Object.entries(expected))
      expectHeld((actual as Record<string, unknown>)[name], value)
    if ('error' in expected && typeof expected.error === 'string') {
      expect((actual as Record<string, unknown>)['error_description'], where).toMatch(/./)
    }
  } else {
    expect(actual, where).toBe(expected)
  }
}

const DESCRIPTION = /error_description="[\x20-\x21\x23-\x5b\x5d-\x7e]+"/

function expectHeaders(headers: Headers, expected: Record<string, string | null> = {}): void {
  for (const [name, value] of Object.entries(expected)) {
    const isChallenge = name.toLowerCase() === 'www-authenticate'
    const actual = headers.get(name)
    expect(isChallenge ? (actual?.replace(DESCRIPTION, 'error_description="*"') ?? null) : actual, name).toBe(
      value,
    )
  }
}

function describeAuth(auth: Auth | undefined): object | null {
  if (auth === undefined) return null
  const { subject, userEmail = null, clientId, scopes, audience } = auth
  return { subject, user_email: userEmail, client_id: clientId, scopes, audience }
}

function parseEvents(text: string): object[] {
  return text
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((block) => block.split(/\r\n|\n|\r/).map((line) => /^([a-z]+): ?(.*)$/.exec(line)))
    .map((lines) =>
      lines.filter((line) => line !== null).map(([, name = '', value = '']) => ({ name, value })),
    )
    .filter((fields) => fields.some(({ name }) => name === 'data'))
    .map((fields) => {
      const data = fields.filter(({ name }) => name === 'data').map(({ value }) => value)
      const others = fields.filter(({ name }) => name !== 'data').map(({ name, value }) => [name, value])
      return { ...Object.fromEntries(others), data: JSON.parse(data.join('\n')) }
    })
}
