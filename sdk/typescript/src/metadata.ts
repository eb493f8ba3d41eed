import { type Answer, answerJson } from './answer.ts'
import { answerPublicPreflight, type CorsRequest } from './cors.ts'
import { type OwnResource, WELL_KNOWN_PATH } from './own_resource.ts'

const METHODS = 'GET, HEAD, OPTIONS'

export function isMetadataPath(path: string, { metadataPath }: OwnResource): boolean {
  return path === WELL_KNOWN_PATH || path === metadataPath
}

/** Answers with the metadata of this server (RFC 9728 §3.2), which everybody may read and keep. */
export function answerMetadata(request: CorsRequest, own: OwnResource, authServer: string): Answer {
  if (request.method === 'OPTIONS') return answerPublicPreflight(request, METHODS)
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const body = {
      error: 'method_not_allowed',
      error_description: `Metadata is there to be read: ${METHODS}.`,
    }
    return answerJson(405, body, { Allow: METHODS, 'Access-Control-Allow-Origin': '*' })
  }
  // RFC 9728 §3.2: what has no elements is left out.
  const metadata = {
    resource: own.resource,
    authorization_servers: [authServer],
    bearer_methods_supported: ['header'],
    scopes_supported: own.scopesSupported?.length === 0 ? undefined : own.scopesSupported,
    resource_name: own.resourceName,
  }
  const headers = {
    'Content-Type': 'application/json',
    'Cache-Control': 'public, max-age=300',
    'Access-Control-Allow-Origin': '*',
  }
  return { status: 200, headers, body: request.method === 'HEAD' ? null : JSON.stringify(metadata) }
}
