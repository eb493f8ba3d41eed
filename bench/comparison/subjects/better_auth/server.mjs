import { createServer } from 'node:http'
import { auth } from './auth.mjs'
import { importInstalled } from './import_installed.mjs'

const { toNodeHandler } = await importInstalled('better-auth/node')

/** The application's. A real one names the client and what it wants, which takes a request more. */
const CONSENT_PAGE = `<!doctype html>
<title>Consent</title>
<script type="module">
  const body = JSON.stringify({ accept: true, oauth_query: location.search.slice(1) })
  document.forms[0].onsubmit = async (event) => {
    event.preventDefault()
    const headers = { 'Content-Type': 'application/json' }
    const response = await fetch('/api/auth/oauth2/consent', { method: 'POST', headers, body })
    location.href = (await response.json()).url
  }
</script>
<form><button>Allow</button></form>
`

const handle = toNodeHandler(auth)

createServer((request, response) => {
  if (!request.url.startsWith('/consent?')) return handle(request, response)
  response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': CONSENT_PAGE.length })
  response.end(CONSENT_PAGE)
}).listen(Number(process.env.PORT), '127.0.0.1')
