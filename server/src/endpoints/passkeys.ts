import { z } from 'zod'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { readJson } from '../http/json_body.ts'
import { withCookies } from '../http/see_other.ts'
import type { ConnectionInfo } from '../options.ts'
import { checkForgery, identifyBrowser } from '../sign_in/browser.ts'
import { completeSignIn } from '../sign_in/completion.ts'
import { addPasskey, beginAuthentication, beginRegistration, findByPasskey } from '../sign_in/passkey.ts'
import { authenticationResponseSchema, registrationResponseSchema } from '../sign_in/passkey_response.ts'
import { toReturnPath } from '../sign_in/return_to.ts'
import { findSession, isFresh, type Session } from '../sign_in/session.ts'

const authenticationSchema = z.object({
  ceremony: z.string(),
  response: authenticationResponseSchema,
  return_to: z.string().optional(),
})

const registrationSchema = z.object({
  ceremony: z.string(),
  response: registrationResponseSchema,
  // A name that is none is no reason to refuse the passkey.
  name: z
    .string()
    .transform((name) => name.replace(/[\p{C}\s]+/gu, ' ').trim())
    .pipe(z.string().min(1).max(64))
    .catch('Passkey'),
})

/** POST /passkeys/authentication/options */
export async function passkeyAuthenticationOptions(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  checkForgery(context, request, csrfOf(request))
  return json(await beginAuthentication(context, identifyBrowser(context, request).id))
}

/** POST /passkeys/authentication */
export async function passkeyAuthentication(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  checkForgery(context, request, csrfOf(request))
  const { ceremony, response, return_to } = await parse(request, authenticationSchema)
  const browserId = identifyBrowser(context, request).id
  const signedIn = await findByPasskey(context, browserId, ceremony, response)
  const redirect_to = context.issuer.origin + toReturnPath(context.issuer, return_to)
  return withCookies(json({ redirect_to }), await completeSignIn(context, request, signedIn))
}

/** POST /passkeys/registration/options */
export async function passkeyRegistrationOptions(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  checkForgery(context, request, csrfOf(request))
  const session = await checkFreshSession(context, request)
  return json(await beginRegistration(context, identifyBrowser(context, request).id, session))
}

/** POST /passkeys/registration */
export async function passkeyRegistration(
  context: ServerContext,
  request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  checkForgery(context, request, csrfOf(request))
  const session = await checkFreshSession(context, request)
  const { ceremony, response, name } = await parse(request, registrationSchema)
  const browserId = identifyBrowser(context, request).id
  await addPasskey(context, browserId, session, { sealed: ceremony, response, name })
  return json({ ok: true })
}

/** Whoever found a browser unlocked, or stole its cookie, shall not make himself a way in that lasts. */
async function checkFreshSession(context: ServerContext, request: Request): Promise<Session> {
  const session = await findSession(context, request)
  if (session === undefined) throw new OAuthError('login_required', 'Sign in first.', { status: 401 })
  if (!isFresh(session, context.now())) {
    throw new OAuthError('login_required', 'Sign in again to add a passkey.', { status: 403 })
  }
  return session
}

async function parse<Schema extends z.ZodType>(request: Request, schema: Schema): Promise<z.output<Schema>> {
  const parsed = schema.safeParse(await readJson(request))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new OAuthError('invalid_request', `${issue?.path.join('.') || 'The body'}: ${issue?.message}.`)
}

function csrfOf(request: Request): string | undefined {
  return request.headers.get('X-CSRF-Token') ?? undefined
}

function json(body: object): Response {
  return Response.json(body, { headers: { 'Cache-Control': 'no-store' } })
}
