import type { AuthAgentClient } from './auth_agent_client.ts'
import { AuthAgentError, reasonOf } from './errors.ts'
import { isObject } from './json_request.ts'
import { checkResource } from './option_checks.ts'
import type { Settings } from './options.ts'
import { Outage } from './outage.ts'
import type { Platform } from './platform.ts'
import { isScope } from './scopes.ts'

/** This MCP server as clients know it (RFC 9728 §2). */
export interface OwnResource {
  /** Its URL, byte for byte. */
  resource: string
  scopesSupported: readonly string[] | undefined
  resourceName: string | undefined
  /** Where its metadata is: the URL that challenges name, and its path. */
  metadataUrl: string
  metadataPath: string
}

export const WELL_KNOWN_PATH = '/.well-known/oauth-protected-resource'
/** Milliseconds between two attempts to learn it. */
const RETRY_PAUSE = 1_000

/** Knows this server's own URL: by option, or as it was registered. Never from a request, which may lie. */
export class OwnResourceSource {
  readonly #client: AuthAgentClient
  readonly #settings: Settings
  readonly #platform: Platform
  readonly #outage: Outage
  #known: OwnResource | undefined
  #attempt: Promise<OwnResource> | undefined
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(client: AuthAgentClient, settings: Settings, platform: Platform) {
    this.#client = client
    this.#settings = settings
    this.#platform = platform
    this.#outage = new Outage(platform)
    if (settings.resource !== undefined) this.#known = configured(settings.resource, settings)
  }

  get known(): OwnResource | undefined {
    return this.#known
  }

  /** @throws AuthAgentError `temporarily_unavailable` where it is not known yet */
  async find(): Promise<OwnResource> {
    if (this.#known !== undefined) return this.#known
    if (this.#attempt !== undefined && this.#platform.outlivesRequests) return this.#attempt
    if (this.#platform.elapsed() - this.#failedAt < RETRY_PAUSE) throw unavailable()
    this.#attempt = this.#ask()
    return this.#attempt
  }

  async #ask(): Promise<OwnResource> {
    try {
      this.#known = await this.#learn()
      this.#outage.end(`this server's own URL is known now: ${this.#known.resource}`)
      return this.#known
    } catch (cause) {
      this.#failedAt = this.#platform.elapsed()
      throw unavailable(cause)
    } finally {
      this.#attempt = undefined
    }
  }

  /** Where it fails, the operator is told what to do. */
  async #learn(): Promise<OwnResource> {
    const { serverId } = this.#settings
    let answer: Awaited<ReturnType<AuthAgentClient['getRegisteredResource']>>
    try {
      answer = await this.#client.getRegisteredResource(serverId)
    } catch (error) {
      throw this.#fail(`${reasonOf(error)}. Does it run, and is authServer its address?`)
    }
    const { status, body } = answer
    if (status === 404) throw this.#fail(`answered 404. Is ${serverId} registered there?`)
    if (status !== 200 || !isObject(body)) {
      throw this.#fail(`answered ${status}, and no metadata. Is authServer the address of your Auth-Agent?`)
    }
    try {
      checkResource(body['resource'])
    } catch (error) {
      const why = error instanceof Error ? error.message : ''
      throw this.#fail(`has registered a URL for ${serverId} that cannot be used: ${why} Register another.`)
    }
    return this.#describe(body['resource'], body)
  }

  #fail(why: string): Error {
    const { authServer } = this.#client
    const message = `this server's own URL is not known, so that requests are answered 503: ${authServer} ${why}`
    this.#outage.fail(message)
    return new Error(message)
  }

  #describe(resource: string, metadata: Readonly<Record<string, unknown>>): OwnResource {
    const { scopesSupported, resourceName } = this.#settings
    const { scopes_supported: scopes, resource_name: name } = metadata
    const registered = Array.isArray(scopes) ? scopes.filter(isScope) : undefined
    if (registered !== undefined && registered.length > 0) this.#warnOfScopes(registered)
    return {
      resource,
      scopesSupported: scopesSupported ?? registered,
      resourceName: resourceName ?? (typeof name === 'string' ? name : undefined),
      ...metadataPlace(resource),
    }
  }

  /** Nobody is granted a scope that is not registered, so that what needs it is for nobody. */
  #warnOfScopes(registered: readonly string[]): void {
    const { serverId, requiredScopes, toolScopes } = this.#settings
    const asked = { requiredScopes, toolScopes: [...new Set([...(toolScopes?.values() ?? [])].flat())] }
    for (const [option, scopes] of Object.entries(asked)) {
      const unknown = scopes.filter((scope) => !registered.includes(scope))
      if (unknown.length === 0) continue
      this.#platform.warn(
        `${option} names ${unknown.join(' ')}, which is not among the scopes of ${serverId} (${registered.join(' ')}), so that nobody is granted it: register it, or correct the option`,
      )
    }
  }
}

function configured(resource: string, settings: Settings): OwnResource {
  const { requiredScopes, toolScopes, scopesSupported, resourceName } = settings
  const asked = [...new Set([...requiredScopes, ...[...(toolScopes?.values() ?? [])].flat()])]
  return {
    resource,
    scopesSupported: scopesSupported ?? (asked.length > 0 ? asked : undefined),
    resourceName,
    ...metadataPlace(resource),
  }
}

/** RFC 9728 §3.1: the well-known path goes between host and path; a path that is only a slash goes away. */
function metadataPlace(resource: string): { metadataUrl: string; metadataPath: string } {
  const [, origin = '', path = '', query = ''] =
    /^(https?:\/\/[^/?#]*)([^?#]*)(\??[^#]*)/i.exec(resource) ?? []
  const metadataPath = WELL_KNOWN_PATH + (path === '/' ? '' : path)
  return { metadataUrl: origin + metadataPath + query, metadataPath }
}

function unavailable(cause?: unknown): AuthAgentError {
  const message =
    'This server does not know its own URL yet, since the authorization server does not say it; the log of this server says why. Try again in a few seconds.'
  return new AuthAgentError('temporarily_unavailable', message, { cause })
}
