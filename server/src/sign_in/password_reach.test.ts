import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { createBrowser } from '../../../tests/support/browser.ts'
import { createTestContext } from '../../../tests/support/context.ts'
import { createTestServer, OWNER, type TestServer } from '../../../tests/support/server.ts'

// Cloudflare's platform derives 100,000 iterations of PBKDF2 at the most, and throws beyond.
const MOST = 2_000
let server: TestServer

beforeAll(async () => {
  server = await createTestServer({ pbkdf2Iterations: MOST + 1_000 })
})
afterAll(() => server.close())
afterEach(() => vi.restoreAllMocks())

/** As the platform does it. */
function capDerivation(): void {
  const derive = crypto.subtle.deriveBits.bind(crypto.subtle)
  vi.spyOn(crypto.subtle, 'deriveBits').mockImplementation((algorithm, ...rest) => {
    const { iterations } = algorithm as unknown as { iterations: number }
    if (iterations > MOST) throw new Error(`Pbkdf2 failed: ${iterations} iterations are not supported`)
    return derive(algorithm, ...rest)
  })
}

it('a hash of more iterations than the platform derives is a wrong password, and the operator is told', async () => {
  const capped = await server.addNode({ pbkdf2Iterations: MOST, maxPbkdf2Iterations: MOST, owner: undefined })
  capDerivation()
  const browser = createBrowser(capped)
  const signIn = async (person: typeof OWNER) =>
    browser.submit(await browser.open('/sign-in'), person, '/sign-in')
  const refused = await signIn(OWNER)
  const nobody = await signIn({ ...OWNER, email: 'nobody@example.com' })
  expect([refused.status, refused.text().replace(OWNER.email, '')]).toEqual([
    nobody.status,
    nobody.text().replace('nobody@example.com', ''),
  ])
  expect(capped.logLines.filter((line) => line.includes('set anew'))).toHaveLength(1)
})

it('a server is not made that would make such hashes', async () => {
  await expect(createTestContext({ pbkdf2Iterations: MOST + 1, maxPbkdf2Iterations: MOST })).rejects.toThrow(
    'This platform derives 2000 iterations at the most: lower PBKDF2_ITERATIONS.',
  )
})
