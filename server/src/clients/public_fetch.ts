/** Limits of one fetch of a URL that a stranger named. */
export interface PublicFetchLimits {
  /** The body is refused beyond this many bytes. */
  maxBytes: number
  /** Media types that the answer may have; `application/json` also admits `application/*+json`. */
  contentTypes: readonly string[]
  /** Statuses that are an answer. Default: 200 alone. What says that the host is away (429, 5xx) never is. */
  statuses?: readonly number[]
}

/** What is sent where more than a document is asked for. Default: a GET without any credential. */
export interface PublicRequest {
  method: 'GET' | 'POST'
  /** In lower case. What the fetch sets by itself (`accept`, `accept-encoding`, `user-agent`) cannot be changed. */
  headers: Readonly<Record<string, string>>
  body?: string | undefined
}

/** A document as it came: of an admitted status, type and size. */
export interface PublicDocument {
  /** Default 200. */
  status?: number
  body: Uint8Array
  contentType: string
  /** The `Cache-Control` header, or '' where there was none. */
  cacheControl: string
}

/** Why a stranger's URL was not fetched. The message is fit for the developer of the client. */
export class PublicFetchError extends Error {
  readonly code:
    | 'url_not_allowed'
    | 'address_not_allowed'
    | 'unreachable'
    | 'timeout'
    | 'status'
    | 'content_type'
    | 'too_large'

  constructor(code: PublicFetchError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PublicFetchError'
    this.code = code
  }
}

/**
 * Fetches a URL that a stranger named, or rejects with a {@link PublicFetchError}: https only, port 443
 * unless allowed, no user info, no redirects, no address of a special-purpose range (IANA), 5 s in all.
 * A runtime supplies it; `node/` pins the connection to the address that it checked.
 */
export type FetchPublicUrl = (
  url: URL,
  limits: PublicFetchLimits,
  request?: PublicRequest,
) => Promise<PublicDocument>

/**
 * What can be refused of a URL before its host is looked up: user information, what is not https, another port.
 *
 * @throws PublicFetchError `url_not_allowed`
 */
export function checkPublicUrl(url: URL, allowedPorts: readonly number[] = []): void {
  const refuse = (reason: string) => {
    throw new PublicFetchError('url_not_allowed', `${url.origin} is not fetched: ${reason}.`)
  }
  if (url.username !== '' || url.password !== '') refuse('the URL has user information')
  if (url.protocol !== 'https:') refuse('only https is')
  if (url.port !== '' && !allowedPorts.includes(Number(url.port))) refuse('only port 443 is')
}

/** The part of an answer before its body. */
export interface PublicResponseHead {
  status: number | undefined
  header(name: string): string | undefined
}

/**
 * Checks status, encoding, type and announced length, and returns the type.
 *
 * @throws PublicFetchError `unreachable`, `status`, `content_type`, `too_large`
 */
export function checkPublicHead(
  url: URL,
  { status, header }: PublicResponseHead,
  limits: PublicFetchLimits,
): string {
  const isAway = status === undefined || status >= 500 || status === 429
  if (isAway) {
    throw new PublicFetchError('unreachable', `${url.host} answered with status ${status}; try again later.`)
  }
  const { statuses = [200] } = limits
  if (!statuses.includes(status)) {
    throw new PublicFetchError(
      'status',
      `${url.host} answered with status ${status}; only ${statuses.join(', ')} will do.`,
    )
  }
  if ((header('content-encoding') ?? 'identity') !== 'identity') {
    throw new PublicFetchError('content_type', `${url.host} answered in an encoding that was not asked for.`)
  }
  const contentType = header('content-type') ?? ''
  if (!isAdmitted(contentType, limits.contentTypes)) {
    throw new PublicFetchError(
      'content_type',
      `${url.host} answered with another content type than ${limits.contentTypes.join(' or ')}.`,
    )
  }
  if (Number(header('content-length') ?? 0) > limits.maxBytes) throw tooLarge(url, limits)
  return contentType
}

/**
 * Reads a body as far as it is admitted.
 *
 * @throws PublicFetchError `too_large`
 */
export async function readPublicBody(
  url: URL,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limits: PublicFetchLimits,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > limits.maxBytes) throw tooLarge(url, limits)
    chunks.push(chunk)
  }
  // A connection that broke ends the stream with an error, so this is the whole.
  return new Uint8Array(Buffer.concat(chunks))
}

function isAdmitted(contentType: string, admitted: readonly string[]): boolean {
  const essence = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const isJson = /^application\/([a-z0-9.!#$&^_-]+\+)?json$/.test(essence)
  return admitted.includes(essence) || (isJson && admitted.includes('application/json'))
}

function tooLarge(url: URL, { maxBytes }: PublicFetchLimits): PublicFetchError {
  return new PublicFetchError('too_large', `${url.host} answered with more than ${maxBytes} bytes.`)
}
