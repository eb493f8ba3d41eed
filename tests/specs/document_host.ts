import {
  type PublicDocument,
  PublicFetchError,
  type PublicFetchLimits,
} from '../../server/src/clients/public_fetch.ts'

/** A stranger's web server, which counts what is fetched from it. */
export interface DocumentHost {
  /** What URLs answer; a string is sent as it is, anything else as JSON. */
  documents: Map<string, Hosted>
  /** Fetches of this URL so far. */
  fetches(url: string): number
  /** The limits that the last fetch came with. */
  limits: PublicFetchLimits | undefined
  fetchPublicUrl(url: URL, limits: PublicFetchLimits): Promise<PublicDocument>
}

export interface Hosted {
  body: unknown
  cacheControl?: string
}

export function createDocumentHost(): DocumentHost {
  const counts = new Map<string, number>()
  const host: DocumentHost = {
    documents: new Map(),
    limits: undefined,
    fetches: (url) => counts.get(url) ?? 0,
    async fetchPublicUrl(url, limits) {
      if (url.protocol !== 'https:') throw new PublicFetchError('url_not_allowed', 'Only https is fetched.')
      counts.set(url.href, (counts.get(url.href) ?? 0) + 1)
      host.limits = limits
      await new Promise((resolve) => setTimeout(resolve, 5))
      const hosted = host.documents.get(url.href)
      if (hosted === undefined) throw new PublicFetchError('status', `${url.host} answered 404.`)
      const text = typeof hosted.body === 'string' ? hosted.body : JSON.stringify(hosted.body)
      const body = Buffer.from(text)
      if (body.length > limits.maxBytes) throw new PublicFetchError('too_large', 'The document is too large.')
      return { body, contentType: 'application/json', cacheControl: hosted.cacheControl ?? '' }
    },
  }
  return host
}

/** A document as a client of this URL would host it. */
export function documentOf(clientId: string, members: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    client_id: clientId,
    client_name: 'Example MCP client',
    redirect_uris: ['https://app.example.com/callback'],
    token_endpoint_auth_method: 'none',
    ...members,
  }
}
