import { type Platform, within } from './platform.ts'

/** What an authorization server answered: its body as JSON, or undefined where it is none. */
export interface JsonAnswer {
  status: number
  headers: Headers
  body: unknown
}

export type JsonObject = Readonly<Record<string, unknown>>

export interface JsonRequest {
  url: string
  init?: RequestInit | undefined
  /** Milliseconds. */
  limit: number
  signal?: AbortSignal | undefined
}

/** Asks, and reads the answer whole. Rejects where there is none in time. Redirects are not followed: a key goes along. */
export async function requestJson(platform: Platform, request: JsonRequest): Promise<JsonAnswer> {
  const { url, init, limit, signal: outerSignal } = request
  return within(
    limit,
    async (signal) => {
      const response = await platform.fetch(url, { redirect: 'manual', ...init, signal })
      const body = parseJson(await response.text())
      return { status: response.status, headers: response.headers, body }
    },
    outerSignal,
  )
}

/** The value of a JSON text, or undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
