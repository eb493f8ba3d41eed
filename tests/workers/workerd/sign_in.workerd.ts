import { exports } from 'cloudflare:workers'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ISSUER, OWNER } from './settings.ts'

/** The platform's cap, which the workerd of a developer's machine does not have. */
const MOST = 100_000
const derived: number[] = []

beforeEach(() => {
  derived.length = 0
  const derive = crypto.subtle.deriveBits.bind(crypto.subtle)
  vi.spyOn(crypto.subtle, 'deriveBits').mockImplementation((algorithm, ...rest) => {
    const { iterations } = algorithm as unknown as { iterations: number }
    derived.push(iterations)
    if (iterations > MOST) throw new Error(`Pbkdf2 failed: ${iterations} iterations are above ${MOST}`)
    return derive(algorithm, ...rest)
  })
})
afterEach(() => vi.restoreAllMocks())

async function fetch(path: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(ISSUER + path, { redirect: 'manual', ...init })
}

/** Signs in by the form, as a browser does. */
async function signIn(person: { email: string; password: string }): Promise<Response> {
  const page = await fetch('/sign-in')
  const cookie = page.headers.getSetCookie().map((one) => one.split(';', 1)[0])
  const fields = new URLSearchParams(person)
  for (const [, name = '', value = ''] of (await page.text()).matchAll(
    /<input type="hidden" name="([^"]+)" value="([^"]*)"/g,
  ))
    fields.set(name, value)
  const headers = { Cookie: cookie.join('; '), Origin: ISSUER }
  return fetch('/sign-in', { method: 'POST', body: fields, headers })
}

it('signs in within the iterations that the platform derives', async () => {
  expect((await signIn(OWNER)).status).toBe(303)
  expect((await signIn({ ...OWNER, password: 'a wrong password' })).status).toBe(401)
  expect((await signIn({ ...OWNER, email: 'nobody@example.com' })).status).toBe(401)
  // What is less belongs to the password of the database (SCRAM).
  expect(derived.filter((iterations) => iterations >= MOST).length).toBeGreaterThanOrEqual(3)
  expect(Math.max(...derived)).toBe(MOST)
})

it('serves many requests at once, each with connections of its own', async () => {
  const paths = ['/ready', '/.well-known/jwks.json', '/sign-in', '/account']
  const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => fetch(paths[index % 4] ?? '')))
  for (const answer of answers) expect(answer.status).toBeLessThan(400)
})
