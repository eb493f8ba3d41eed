import type { AuthAgentClient } from './auth_agent_client.ts'
import { AuthAgentError } from './errors.ts'
import type { JsonObject } from './json_request.ts'
import type { Settings } from './options.ts'
import type { Platform } from './platform.ts'

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
  #known: OwnResource | undefined
  #attempt: Promise<OwnResource> | undefined
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(client: AuthAgentClient, settings: Settings, platform: Platform) {
    this.#client = client
    this.#settings = settings
    this.#platform = platform
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
      this.#known = this.#read(await this.#client.getRegisteredResource(this.#settings.serverId))
      return this.#known
    } catch (cause) {
      this.#failedAt = this.#platform.elapsed()
      throw unavailable(cause)
    } finally {
      this.#attempt = undefined
    }
  }

  #read({ resource, scopes_supported: scopes, resource_name: name }: JsonObject): OwnResource {
    const { scopesSupported, resourceName } = this.#settings
    if (typeof resource !== 'string' || !isWebUrl(resource)) throw new Error('No URL is registered.')
    return {
      resource,
      scopesSupported: scopesSupported ?? (isListOfStrings(scopes) ? scopes : undefined),
      resourceName: resourceName ?? (typeof name === 'string' ? name : undefined),
      ...metadataPlace(resource),
    }
  }
}

function isWebUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text)
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

function isListOfStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function unavailable(cause?: unknown): AuthAgentError {
  const message =
    'This server does not know its own URL yet, since the authorization server does not say it. Try again in a few seconds.'
  return new AuthAgentError('temporarily_unavailable', message, { cause })
}
