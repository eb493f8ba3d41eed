import { type Answer, answerError, type ChallengeContext } from './answer.ts'
import { type Auth, type Claims, createAuth, type VerifiedClaims } from './auth.ts'
import { answerPreflight, corsHeaders, isPreflight } from './cors.ts'
import { findCredential, findPlainToken } from './credential.ts'
import type { DenialFeed } from './denial_feed.ts'
import { InsufficientScopeError } from './errors.ts'
import { answerMetadata, isMetadataPath } from './metadata.ts'
import type { Settings } from './options.ts'
import type { OwnResource, OwnResourceSource } from './own_resource.ts'
import type { Decision, IncomingRequest, Passage, Protection } from './protection.ts'
import { checkEncoding, parseBody } from './request_body.ts'
import { isPublicPath } from './request_path.ts'
import { allScopes, hasScopes, resolveHierarchy, type ScopeHierarchy, scopesOf } from './scopes.ts'
import { SESSION_HEADER, SessionOwners } from './session_owners.ts'
import type { TokenValidation } from './token_validation.ts'
import { type Asked, findAsked } from './tool_calls.ts'
import { ToolListFilter } from './tool_list_filter.ts'
import type { ToolScopes } from './tool_scopes.ts'

const NOTHING: Asked = { tools: [], listIds: [] }
/** Lists of HTTP+SSE, and what is sent again (`Last-Event-ID`). */
const STREAM: Asked = { tools: [], listIds: 'any' }

interface Parts {
  ownResource: OwnResourceSource
  validation: TokenValidation
  feed: DenialFeed
  /** Undefined where there is no table of tools. */
  tools: ToolScopes | undefined
}

/** The way of a request, step by step. */
export class RequestProtection implements Protection {
  readonly #settings: Settings
  readonly #ownResource: OwnResourceSource
  readonly #validation: TokenValidation
  readonly #feed: DenialFeed
  readonly #sessions = new SessionOwners()
  readonly #tools: ToolScopes | undefined
  readonly #hierarchy: ScopeHierarchy
  /** By claims, which are the same object for as long as a token is remembered. */
  readonly #held = new WeakMap<Claims, readonly string[]>()

  constructor(settings: Settings, parts: Parts) {
    this.#settings = settings
    this.#ownResource = parts.ownResource
    this.#validation = parts.validation
    this.#feed = parts.feed
    this.#tools = parts.tools
    this.#hierarchy = resolveHierarchy(settings.scopeHierarchy)
  }

  decide(request: IncomingRequest): Decision | Promise<Decision> {
    return this.#recall(request) ?? this.#decideAnew(request)
  }

  answerInsufficientScope(scopes: readonly string[]): Answer {
    const needed = [...new Set([...this.#settings.requiredScopes, ...scopes])]
    return answerError(new InsufficientScopeError(needed), this.#challengeContext('Bearer'))
  }

  async verifyToken(token: string): Promise<Auth> {
    const own = await this.#ownResource.find()
    const request = { proof: undefined, method: '', path: '' }
    const claims = await this.#validation.verify({ scheme: 'Bearer', token }, request, this.#expected(own))
    return this.#createAuth(token, claims, own)
  }

  close(): void {
    this.#feed.close()
  }

  /**
   * Lets a plain request through whose token is known to be good. Nearly every request is one, so that it is worth to
   * be told from the others by little work. Undefined means nothing but that the request has to go the whole way.
   */
  #recall(request: IncomingRequest): Passage | undefined {
    const own = this.#ownResource.known
    if (own === undefined || !this.#isPlain(request, own)) return undefined
    const token = findPlainToken(request.header('authorization'))
    const claims = token === undefined ? undefined : this.#validation.recall(token)
    if (token === undefined || claims === undefined) return undefined
    const auth = this.#createAuth(token, claims, own)
    const session = request.header(SESSION_HEADER)
    if (!this.#sessions.isOpenTo(session, auth)) return undefined
    if (!hasScopes(auth.scopes, this.#settings.requiredScopes)) return undefined
    return this.#letThrough(request, auth, session, NOTHING)
  }

  /** Whether nothing but the token, its session and scopes decides. */
  #isPlain({ method, path, query }: IncomingRequest, own: OwnResource): boolean {
    if (this.#tools !== undefined || this.#settings.publicPaths.length > 0) return false
    return query === '' && method !== 'OPTIONS' && !isMetadataPath(path, own)
  }

  async #decideAnew(request: IncomingRequest): Promise<Decision> {
    try {
      return await this.#decide(request)
    } catch (error) {
      const scheme = /^dpop /i.test(request.header('authorization') ?? '') ? 'DPoP' : 'Bearer'
      return { answer: this.#withCors(request, answerError(error, this.#challengeContext(scheme))) }
    }
  }

  async #decide(request: IncomingRequest): Promise<Decision> {
    const { path, query } = request
    const { authServer, publicPaths, allowedOrigins } = this.#settings
    const isPublic = isPublicPath(path, publicPaths)
    if (isPublic && this.#ownResource.known === undefined) return PUBLIC
    const own = this.#ownResource.known ?? (await this.#ownResource.find())
    if (isMetadataPath(path, own)) {
      return { answer: this.#withCors(request, answerMetadata(request, own, authServer)) }
    }
    if (isPublic) return PUBLIC
    const preflight = answerPreflight(request, allowedOrigins)
    if (preflight !== undefined) return { answer: preflight }
    if (isPreflight(request)) return PUBLIC
    const credential = findCredential(request.header('authorization'), query)
    const proofRequest = { proof: request.header('dpop'), method: request.method, path }
    const claims = await this.#validation.verify(credential, proofRequest, this.#expected(own))
    const auth = this.#createAuth(credential.token, claims, own)
    const session = request.header(SESSION_HEADER)
    this.#sessions.check(session, auth)
    const begun = this.#validation.now()
    const asked = await this.#findAsked(request)
    // Who sends slowly must not outlast the token.
    await this.#validation.confirm(credential.token, begun, this.#expected(own))
    this.#checkScopes(auth, asked)
    return this.#letThrough(request, auth, session, asked)
  }

  #letThrough(request: IncomingRequest, auth: Auth, session: string | undefined, asked: Asked): Passage {
    const opensSession = session === undefined && request.method === 'POST'
    return {
      auth,
      cors: corsHeaders(request, this.#settings.allowedOrigins),
      listFilter: this.#listFilter(auth, asked),
      noteSession: opensSession ? this.#sessions.opening(auth) : undefined,
    }
  }

  /** What the body asks for; it is read only where a table says what that needs. */
  async #findAsked(request: IncomingRequest): Promise<Asked> {
    if (request.method === 'GET') return STREAM
    if (this.#tools === undefined || request.method !== 'POST') return NOTHING
    checkEncoding(request.header('content-encoding'), request.header('content-type'))
    const body = parseBody(await request.readBody(this.#settings.maxBodySize))
    return findAsked(body, { method: request.header('mcp-method'), name: request.header('mcp-name') })
  }

  /** Everything that the operation needs goes into one challenge. */
  #checkScopes(auth: Auth, { tools }: Asked): void {
    const ofTools = this.#tools?.findAll(tools) ?? []
    const needed = [...new Set([...this.#settings.requiredScopes, ...ofTools])]
    if (!hasScopes(auth.scopes, needed)) throw new InsufficientScopeError(needed)
  }

  #listFilter(auth: Auth, { listIds }: Asked): ToolListFilter | undefined {
    const table = this.#tools
    if (!this.#settings.filterTools || table === undefined || listIds.length === 0) return undefined
    const held = this.#heldScopes(auth.claims)
    return new ToolListFilter(listIds, (tool) => {
      const needed = table.find(tool)
      return needed !== undefined && hasScopes(held, needed)
    })
  }

  #createAuth(token: string, claims: VerifiedClaims, own: OwnResource): Auth {
    const { resource, metadataUrl } = own
    return createAuth(token, claims, { resource, metadataUrl, scopes: this.#heldScopes(claims) })
  }

  /** The scopes of a token, and what they imply. */
  #heldScopes(claims: Claims): readonly string[] {
    const known = this.#held.get(claims)
    if (known !== undefined) return known
    const held = allScopes(scopesOf(claims), this.#hierarchy)
    this.#held.set(claims, held)
    return held
  }

  #expected({ resource }: OwnResource): { authServer: string; resource: string } {
    return { authServer: this.#settings.authServer, resource }
  }

  #challengeContext(scheme: 'Bearer' | 'DPoP'): ChallengeContext {
    const { requiredScopes } = this.#settings
    return { metadataUrl: this.#ownResource.known?.metadataUrl, requiredScopes, scheme }
  }

  /** An answer that says itself who may read it stays as it is. */
  #withCors(request: IncomingRequest, answer: Answer): Answer {
    const cors = corsHeaders(request, this.#settings.allowedOrigins)
    return { ...answer, headers: { ...cors, ...answer.headers } }
  }
}

const PUBLIC: Decision = { auth: undefined, cors: undefined, listFilter: undefined, noteSession: undefined }
