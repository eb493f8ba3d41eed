const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function loginPage(uid: string, problem = ''): string {
  return page(
    'Sign in',
    `<p>${escapeHtml(problem)}</p>
<form method="post" action="/interaction/${escapeHtml(uid)}/login">
<label>Account <input name="login" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form>`,
  )
}

export interface ConsentRequest {
  uid: string
  account: string
  client: string
  redirectUri: string
  scope: string
}

export function consentPage({ uid, account, client, redirectUri, scope }: ConsentRequest): string {
  const scopes = scope.split(' ').map((value) => `<li>${escapeHtml(value)}</li>`)
  const action = `/interaction/${escapeHtml(uid)}`
  return page(
    'Authorize',
    `<p>${escapeHtml(client)} asks for access to the account of ${escapeHtml(account)}:</p>
<ul>${scopes.join('')}</ul>
<p>It will be sent to ${escapeHtml(redirectUri)}.</p>
<form method="post" action="${action}/confirm"><button>Allow</button></form>
<form method="post" action="${action}/abort"><button>Refuse</button></form>`,
  )
}

export function errorPage(message: string): string {
  return page('Error', `<p>${escapeHtml(message)}</p>`)
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body><main><h1>${title}</h1>
${content}
</main></body>
</html>`
}

function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)
}
