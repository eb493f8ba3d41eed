import { JsonRpcError } from './errors.ts'
import { isObject, type JsonObject } from './json_request.ts'
import { notJson } from './request_body.ts'

/** What a body asks for, as far as it matters here. */
export interface Asked {
  /** The tools that it calls, in order. */
  tools: readonly string[]
  /** The ids of the messages that list tools; any may come in the stream of a GET. */
  listIds: readonly (string | number)[] | 'any'
}

/** Headers that repeat what the body says (MCP 2026-07-28, Streamable HTTP); several of one name joined by commas. */
export interface RoutingHeaders {
  method: string | undefined
  name: string | undefined
}

const INVALID_PARAMS = -32_602
const HEADER_MISMATCH = -32_020
const BASE64_VALUE = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Finds what a body asks for, and holds the headers to it, so that who routes by headers sees the same.
 *
 * @throws JsonRpcError -32700, -32602, -32020
 */
export function findAsked(body: unknown, headers: RoutingHeaders): Asked {
  const messages: readonly unknown[] = Array.isArray(body) ? body : [body]
  if (!messages.every(isObject)) throw notJson()
  checkHeaders(headers, messages, Array.isArray(body))
  return {
    tools: messages.filter((message) => message['method'] === 'tools/call').map(toolOf),
    listIds: messages
      .filter((message) => message['method'] === 'tools/list')
      .map((message) => message['id'])
      .filter((id) => typeof id === 'string' || typeof id === 'number'),
  }
}

function toolOf(message: JsonObject): string {
  const { params, id } = message
  const name = isObject(params) ? params['name'] : undefined
  if (typeof name === 'string') return name
  throw new JsonRpcError(INVALID_PARAMS, 'params.name must be the name of a tool.', id)
}

function checkHeaders(headers: RoutingHeaders, messages: readonly JsonObject[], isBatch: boolean): void {
  const { method, name } = headers
  if (method === undefined && name === undefined) return
  if (isBatch) throw mismatch('Mcp-Method and Mcp-Name are for single messages.', null)
  const [message = {}] = messages
  if (method !== undefined && method !== message['method']) {
    throw mismatch('Mcp-Method must be the method of the body.', message['id'])
  }
  if (name !== undefined && decode(name) !== nameOf(message)) {
    throw mismatch('Mcp-Name must be the name, or the URI, in the params of the body.', message['id'])
  }
}

/** Of a call its tool, whatever else there is; a missing name differs from every value of the header. */
function nameOf({ method, params }: JsonObject): unknown {
  if (!isObject(params)) return Symbol('none')
  const name = method === 'resources/read' ? params['uri'] : (params['name'] ?? params['uri'])
  return typeof name === 'string' ? name : Symbol('none')
}

/** What a header says that had to be encoded, since it has other characters than those of headers. */
function decode(value: string): string | undefined {
  const encoded = BASE64_VALUE.exec(value)?.[1]
  if (encoded === undefined) return value.startsWith('=?base64?') ? undefined : value
  try {
    return decoder.decode(Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0)))
  } catch {
    return undefined
  }
}

function mismatch(message: string, id: unknown): JsonRpcError {
  return new JsonRpcError(HEADER_MISMATCH, message, id)
}
