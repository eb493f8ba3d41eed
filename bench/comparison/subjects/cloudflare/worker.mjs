import { env } from 'cloudflare:workers'
// An alias: the root does not have the package, and its checks look for what is imported.
import { OAuthAuthorizationServer } from 'virtual:workers-oauth-provider'
import { memoryKv } from './memory_kv.mjs'

const bindings = { ...env, OAUTH_KV: env.OAUTH_KV ?? memoryKv }

const authorizationServer = new OAuthAuthorizationServer({
  issuer: env.ISSUER,
  resources: [env.RESOURCE],
  scopesSupported: ['mcp', 'offline_access'],
  clientRegistrationEndpoint: '/oauth/register',
})

// biome-ignore lint/style/noDefaultExport: workerd calls what a module exports as its default.
export default {
  fetch(request, _bindings, context) {
    const { pathname } = new URL(request.url)
    if (pathname === '/health') return new Response('ok')
    if (pathname !== '/authorize') return authorizationServer.fetch(request, bindings, context)
    const oauth = authorizationServer.getOAuthApi(bindings)
    return request.method === 'POST' ? allow(oauth, request) : askForConsent(oauth, request)
  },
}

/** The page of its manual (docs/consent-page.md), without the choice of scopes. */
async function askForConsent(oauth, request) {
  const asked = await oauth.parseAuthRequest(request)
  const { clientName, redirectHost, scope } = await oauth.describeConsent(asked)
  const { handle, headers } = await oauth.beginConsent(asked)
  headers.set('Content-Type', 'text/html; charset=utf-8')
  const page = `<!doctype html>
<meta charset="utf-8">
<title>Consent</title>
<p>${escapeHtml(clientName)} at ${escapeHtml(redirectHost)} asks for ${escapeHtml(scope.join(', '))}.</p>
<form method="post"><input type="hidden" name="handle" value="${escapeHtml(handle)}"><button>Allow</button></form>
`
  return new Response(page, { headers })
}

async function allow(oauth, request) {
  const form = await request.formData()
  const { request: asked, headers } = await oauth.approveConsent(request, String(form.get('handle')), {
    scope: ['mcp', 'offline_access'],
  })
  const userId = userOf(request)
  const { redirectTo } = await oauth.completeAuthorization({
    request: asked,
    userId,
    metadata: {},
    scope: asked.scope,
    props: { userId },
  })
  headers.set('Location', redirectTo)
  return new Response(null, { status: 302, headers })
}

/** Sign-in is the application's, so it costs nothing here: the cookie says who has signed in, and is believed. */
function userOf(request) {
  return /(?:^|; )user=([\w-]+)/.exec(request.headers.get('Cookie') ?? '')?.[1]
}

function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
