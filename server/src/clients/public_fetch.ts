/** Limits of one fetch of a URL that a stranger named. */
export interface PublicFetchLimits {
  /** The body is refused beyond this many bytes. */
  maxBytes: number
  /** Media types that the answer may have; `application/json` also admits `application/*+json`. */
  contentTypes: readonly string[]
}

/** A document as it came: status 200, of an admitted type and size. */
export interface PublicDocument {
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
export type FetchPublicUrl = (url: URL, limits: PublicFetchLimits) => Promise<PublicDocument>
