import { readFileSync } from 'node:fs'
import type { ProtectOptions } from '../options.ts'

/** The form of `sdk/test_vectors.json`, which `sdk/test_vectors.md` describes. */
export interface VectorFile {
  authorization_server: ServerState
  cases: VectorCase[]
}

export interface VectorCase {
  name: string
  options: Record<string, unknown>
  refused?: boolean
  application?: VectorAnswer
  steps?: VectorStep[]
}

export interface VectorStep {
  now: number
  authorization_server?: Partial<ServerState>
  request: VectorRequest
  expect: Expectation
}

export interface VectorRequest {
  method: string
  path: string
  headers: [string, string][]
  body?: string
  body_base64?: string
}

export interface VectorAnswer {
  status: number
  headers?: Record<string, string>
  body?: unknown
}

export type Reply = 'unreachable' | VectorAnswer

export interface ServerState {
  resource_metadata: Reply
  jwks: Reply
  introspection: Reply | Record<string, Reply>
  revocations: Reply | Record<string, Reply>
}

export interface Expectation {
  status?: number
  reached?: boolean
  headers?: Record<string, string | null>
  body?: unknown
  body_text?: string
  events?: { event?: string; id?: string; data: unknown }[]
  auth?: Record<string, unknown> | null
  received?: { headers?: Record<string, string | null>; body?: string }
  asked?: Partial<Record<keyof ServerState, number>>
}

export function readVectors(): VectorFile {
  return JSON.parse(readFileSync(new URL('../../../test_vectors.json', import.meta.url), 'utf8'))
}

/** The options of a case, in camelCase. */
export function optionsOf({ options }: VectorCase): ProtectOptions {
  const entries = Object.entries(options).map(([name, value]) => [
    name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ])
  return Object.fromEntries(entries)
}

export function bodyOf({ body, body_base64: base64 }: VectorRequest): Uint8Array<ArrayBuffer> | undefined {
  if (base64 !== undefined) return Uint8Array.from(Buffer.from(base64, 'base64'))
  return body === undefined ? undefined : new TextEncoder().encode(body)
}

/** What an answer sends: text as it is, anything else as JSON, which it is unless it says otherwise. */
export function writeAnswer({ headers = {}, body }: VectorAnswer): {
  headers: Record<string, string>
  text: string
} {
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  return { headers: hasType ? headers : { ...headers, 'content-type': 'application/json' }, text }
}
