import { AuthAgentError, UnavailableError } from './errors.ts'
import { describeFailure } from './failure_reason.ts'
import { isObject, type JsonAnswer, type JsonObject, type JsonRequest, requestJson } from './json_request.ts'
import { checkApiKey, checkAuthServer, checkServerId } from './option_checks.ts'
import { DEFAULT_AUTH_SERVER } from './options.ts'
import { detectPlatform, type Platform } from './platform.ts'

export interface ClientOptions {
  /** A key of this MCP server: `sk_…`. */
  apiKey: string
  /** What the authorization server knows this MCP server by: `srv_…`. Only {@link AuthAgentClient.exchangeToken} needs it. */
  serverId?: string | undefined
  /** The issuer, byte for byte, without a trailing slash. Default `http://localhost:8787`. */
  authServer?: string | undefined
}

/** RFC 7662 §2.2. What is not active is nothing else. */
export type IntrospectionAnswer = { readonly active: boolean } & JsonObject

/** RFC 8693 §2.1. */
export interface TokenExchange {
  subjectToken: string
  /** Default `urn:ietf:params:oauth:token-type:access_token`. */
  subjectTokenType?: string | undefined
  actorToken?: string | undefined
  /** Default `urn:ietf:params:oauth:token-type:access_token`, where there is an `actorToken`. */
  actorTokenType?: string | undefined
  requestedTokenType?: string | undefined
  /** The URL of the MCP server, or other resource, that the new token is for (RFC 8707). */
  resource?: string | undefined
  audience?: string | undefined
  scopes?: readonly string[] | undefined
}

/** RFC 8693 §2.2.1, in the names of the wire. */
export interface ExchangedToken extends JsonObject {
  readonly access_token: string
  readonly issued_token_type: string
  readonly token_type: string
  readonly expires_in?: number
  readonly scope?: string
}

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
/** Milliseconds, both of these. */
const LIMIT = 5_000
const WARNING_PAUSE = 60_000

/** Talks to the authorization server for one MCP server. */
export class AuthAgentClient {
  readonly authServer: string
  readonly #apiKey: string
  readonly #serverId: string | undefined
  readonly #platform: Platform
  #warnedAt = Number.NEGATIVE_INFINITY

  /** @throws TypeError for options that make no sense */
  constructor(options: ClientOptions, platform: Platform = detectPlatform()) {
    const { apiKey, serverId, authServer = DEFAULT_AUTH_SERVER } = options
    checkApiKey(apiKey)
    checkAuthServer(authServer)
    if (serverId !== undefined) checkServerId(serverId)
    this.authServer = authServer
    this.#apiKey = apiKey
    this.#serverId = serverId
    this.#platform = platform
  }

  /**
   * Asks what a token is worth here (RFC 7662). A token for another server is not active.
   *
   * @throws AuthAgentError `temporarily_unavailable` where it cannot be told
   */
  async introspectToken(token: string): Promise<IntrospectionAnswer> {
    const { status, body } = await this.#post('/introspect', { token }, this.#bearer())
    if (status === 401) this.#warnOfKey()
    if (status !== 200 || !isObject(body)) throw unavailable('an introspection', status)
    return { ...body, active: body['active'] === true }
  }

  /**
   * Revokes an access token for this server (RFC 7009). One that is worth nothing is as good as revoked.
   *
   * @throws AuthAgentError with the code that the authorization server gave
   */
  async revokeToken(token: string): Promise<void> {
    const answer = await this.#post('/revoke', { token }, this.#bearer())
    if (answer.status !== 200) throw errorOf(answer)
  }

  /**
   * What the authorization server says of itself (RFC 8414).
   *
   * @throws AuthAgentError `invalid_issuer` where it says that it is another
   */
  async getServerMetadata(): Promise<JsonObject> {
    const { origin, pathname } = new URL(this.authServer)
    const path = pathname === '/' ? '' : pathname
    const answer = await this.#request(`${origin}/.well-known/oauth-authorization-server${path}`)
    if (answer.status !== 200 || !isObject(answer.body)) throw errorOf(answer)
    // RFC 8414 §3.3: otherwise it must not be used.
    if (answer.body['issuer'] !== this.authServer) {
      throw new AuthAgentError(
        'invalid_issuer',
        `The issuer is not ${this.authServer}: set authServer to what it is.`,
      )
    }
    return answer.body
  }

  /**
   * Gets a token for another server, on behalf of who the given token is about (RFC 8693).
   *
   * @throws AuthAgentError with the code that the authorization server gave
   */
  async exchangeToken(exchange: TokenExchange): Promise<ExchangedToken> {
    if (this.#serverId === undefined)
      throw new TypeError('exchangeToken needs serverId, an option of the client.')
    const credentials = btoa(`${encodeURIComponent(this.#serverId)}:${encodeURIComponent(this.#apiKey)}`)
    const answer = await this.#post('/token', parametersOf(exchange), `Basic ${credentials}`)
    const { status, body } = answer
    if (status !== 200 || !isExchangedToken(body)) throw errorOf(answer)
    return body
  }

  /** The feed of denials, once. */
  async readRevocations(query: URLSearchParams, limit: number, signal?: AbortSignal): Promise<JsonAnswer> {
    const url = `${this.authServer}/revocations?${query}`
    const headers = { Authorization: this.#bearer(), Accept: 'application/json' }
    const answer = await this.#send({ url, init: { headers }, limit, signal })
    if (answer.status === 401) this.#warnOfKey()
    return answer
  }

  /** Metadata of an MCP server as it was registered (RFC 9728). */
  async getRegisteredResource(serverId: string): Promise<JsonAnswer> {
    return this.#request(`${this.authServer}/.well-known/oauth-protected-resource/${serverId}`)
  }

  /** The public keys (RFC 7517 §5). */
  async getKeys(): Promise<JsonAnswer> {
    return this.#request(`${this.authServer}/.well-known/jwks.json`)
  }

  /** The operator is told, but not at every request. */
  #warnOfKey(): void {
    const now = this.#platform.elapsed()
    if (now - this.#warnedAt < WARNING_PAUSE) return
    this.#warnedAt = now
    const whose = this.#serverId === undefined ? '' : ` of ${this.#serverId}`
    this.#platform.warn(`${this.authServer} refused the API key${whose} (401): set one that it made`)
  }

  #bearer(): string {
    return `Bearer ${this.#apiKey}`
  }

  #post(path: string, parameters: Record<string, string>, authorization: string): Promise<JsonAnswer> {
    const headers = {
      Authorization: authorization,
      'Content-Type': 'application/x-www-form-urlencoded',
      Accept: 'application/json',
    }
    const body = new URLSearchParams(parameters).toString()
    return this.#request(this.authServer + path, { method: 'POST', headers, body })
  }

  async #request(url: string, init?: RequestInit): Promise<JsonAnswer> {
    return this.#send({ url, init, limit: LIMIT })
  }

  async #send(request: JsonRequest): Promise<JsonAnswer> {
    try {
      return await requestJson(this.#platform, request)
    } catch (cause) {
      throw new UnavailableError(describeFailure(cause), { cause })
    }
  }
}

function parametersOf(exchange: TokenExchange): Record<string, string> {
  const { actorToken, scopes } = exchange
  const parameters = {
    grant_type: TOKEN_EXCHANGE,
    subject_token: exchange.subjectToken,
    subject_token_type: exchange.subjectTokenType ?? ACCESS_TOKEN,
    actor_token: actorToken,
    actor_token_type: actorToken === undefined ? undefined : (exchange.actorTokenType ?? ACCESS_TOKEN),
    requested_token_type: exchange.requestedTokenType,
    resource: exchange.resource,
    audience: exchange.audience,
    scope: scopes?.join(' '),
  }
  return Object.fromEntries(
    Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

function isExchangedToken(body: unknown): body is ExchangedToken {
  const names = ['access_token', 'issued_token_type', 'token_type']
  return isObject(body) && names.every((name) => typeof body[name] === 'string')
}

/** RFC 6749 §5.2, where the answer is such; otherwise it is not known what happened. */
function errorOf({ status, body }: JsonAnswer): AuthAgentError {
  const code = isObject(body) ? body['error'] : undefined
  if (status >= 500 || status === 429 || typeof code !== 'string') return unavailable('this', status)
  const description = isObject(body) ? body['error_description'] : undefined
  return new AuthAgentError(code, typeof description === 'string' ? description : `Refused: ${code}.`)
}

function unavailable(what: string, status: number): UnavailableError {
  return new UnavailableError(`answered ${what} with ${status}`, { status })
}
