import { expect, it } from 'vitest'
import { renderPage } from './page.tsx'

const response = () =>
  renderPage(<h1>Hello</h1>, { basePath: '/tenant', title: 'A </title><script>', status: 418 })

it('is never stored, framed, sniffed, or told about elsewhere', () => {
  const { status, headers } = response()
  expect(status).toBe(418)
  expect(Object.fromEntries(headers)).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
    'permissions-policy': expect.stringContaining('publickey-credentials-get=(self)'),
  })
})

it('keeps the tie to a client’s window that opened it', () => {
  expect(response().headers.has('Cross-Origin-Opener-Policy')).toBe(false)
})

it('has at its head who runs the server, in a name of bounded length', async () => {
  const html = (operator: string) =>
    renderPage(<h1>Hello</h1>, { basePath: '', title: 'Hello', operator }).text()
  expect(await html('Acme & Co')).toContain('<title>Hello · Acme &amp; Co</title>')
  expect(await html('Acme & Co')).toMatch(/<header class="brand">.*<bdi>Acme &amp; Co<\/bdi>.*<\/header>/)
  expect(await html('a'.repeat(200))).toContain(`<title>Hello · ${'a'.repeat(47)}…</title>`)
})

it('is a document in English with one main part, its files below the path of the issuer', async () => {
  const html = await response().text()
  expect(html).toMatch(/^<!doctype html><html lang="en">/)
  expect(html).toContain('<title>A &lt;/title&gt;&lt;script&gt; · Auth-Agent</title>')
  expect(html).toMatch(/href="\/tenant\/assets\/[\w-]+\/style\.css"/)
  expect(html.match(/<main>/g)).toHaveLength(1)
})
