import { type HTMLElement, parse } from 'node-html-parser'
import type { TestServer } from './server.ts'

/** A page as a browser without scripts sees it. */
export interface Page {
  status: number
  url: string
  headers: Headers
  html: HTMLElement
  /** Where a redirect that left the server leads, or undefined. */
  leftTo: URL | undefined
  text(): string
  form(action?: string): Form
}

export interface Form {
  action: string
  fields: URLSearchParams
}

/** Keeps cookies, follows redirects within the server, and submits forms: a browser without scripts. */
export interface Browser {
  cookies: Map<string, string>
  open(url: string): Promise<Page>
  /** Submits a form with what it holds, changed by `fields`; undefined leaves a field out, a list repeats it. */
  submit(page: Page, fields: Fields, action?: string): Promise<Page>
  post(url: string, fields: Fields, headers?: Record<string, string>): Promise<Page>
  /** Sends JSON, as the script of our pages does, with the token that the page has for it. */
  postJson(url: string, body: object, csrf: string): Promise<{ status: number; body: unknown }>
}

type Fields = Readonly<Record<string, string | readonly string[] | undefined>>

export function createBrowser(
  server: Pick<TestServer, 'fetch' | 'issuer'>,
  clientAddress = '127.0.0.1',
): Browser {
  const cookies = new Map<string, string>()

  async function send(url: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers)
    if (cookies.size > 0)
      headers.set('Cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await server.fetch(url, { ...init, headers }, { clientAddress })
    for (const cookie of response.headers.getSetCookie()) keep(cookie)
    return response
  }
  async function request(url: string, init: RequestInit): Promise<Page> {
    const response = await send(url, init)
    const location = response.headers.get('Location')
    if (location === null) return toPage(response, url)
    const next = new URL(location, new URL(url, server.issuer))
    if (next.origin === new URL(server.issuer).origin) return request(next.href, { method: 'GET' })
    return { ...(await toPage(response, url)), leftTo: next }
  }
  function keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split(';')
    const name = pair.slice(0, pair.indexOf('='))
    const isGone = attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute))
    if (isGone) cookies.delete(name)
    else cookies.set(name, pair.slice(name.length + 1))
  }
  const post: Browser['post'] = (url, fields, headers = {}) =>
    request(url, {
      method: 'POST',
      body: toParams(fields),
      headers: { Origin: new URL(server.issuer).origin, 'Sec-Fetch-Site': 'same-origin', ...headers },
    })

  return {
    cookies,
    open: (url) => request(url, { method: 'GET' }),
    post,
    async postJson(url, body, csrf) {
      const { origin } = new URL(server.issuer)
      const headers = { 'Content-Type': 'application/json', Origin: origin, 'X-CSRF-Token': csrf }
      const response = await send(url, { method: 'POST', body: JSON.stringify(body), headers })
      return { status: response.status, body: await response.json() }
    },
    async submit(page, fields, action) {
      const form = page.form(action)
      for (const [name, value] of Object.entries(fields)) {
        form.fields.delete(name)
        for (const one of value === undefined ? [] : [value].flat()) form.fields.append(name, one)
      }
      return request(new URL(form.action, new URL(page.url, server.issuer)).href, {
        method: 'POST',
        body: form.fields,
        headers: { Origin: new URL(server.issuer).origin },
      })
    },
  }
}

async function toPage(response: Response, url: string): Promise<Page> {
  const html = parse(await response.text())
  return {
    status: response.status,
    url,
    headers: response.headers,
    html,
    leftTo: undefined,
    text: () => html.querySelector('main')?.structuredText ?? html.structuredText,
    form(action) {
      const forms = html.querySelectorAll('form')
      const form =
        action === undefined ? forms[0] : forms.find((one) => one.getAttribute('action')?.endsWith(action))
      if (form === undefined)
        throw new Error(
          `There is no form ${action ?? ''} on this page (${response.status}): ${html.structuredText}`,
        )
      return { action: form.getAttribute('action') ?? url, fields: fieldsOf(form) }
    },
  }
}

/** What a browser would send: named inputs, checkboxes where they are checked. */
function fieldsOf(form: HTMLElement): URLSearchParams {
  const fields = new URLSearchParams()
  for (const input of form.querySelectorAll('input')) {
    const name = input.getAttribute('name')
    const isUnchecked = input.getAttribute('type') === 'checkbox' && !input.hasAttribute('checked')
    if (name !== undefined && !isUnchecked) fields.append(name, input.getAttribute('value') ?? '')
  }
  return fields
}

function toParams(fields: Fields): URLSearchParams {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) {
    for (const one of value === undefined ? [] : [value].flat()) params.append(name, one)
  }
  return params
}
