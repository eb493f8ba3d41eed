import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { formPostSample, PAGE_SAMPLES } from './page_samples.ts'
import { openPage, type PageRequest, servePages } from './pages_server.ts'

const OVERFLOW = 'document.documentElement.scrollWidth - window.innerWidth'
const LOW_TARGETS = `[...document.querySelectorAll('button, .button, .field input, label.scope')]
  .filter((element) => element.checkVisibility() && element.getBoundingClientRect().height < 44)
  .map((element) => element.outerHTML)`
const WITHOUT_FOCUS_RING = `(() => {
  const controls = [...document.querySelectorAll('a, button, input:not([type=hidden])')].filter((e) => e.checkVisibility())
  return controls.filter((e) => (e.focus({ focusVisible: true }), getComputedStyle(e).outlineStyle !== 'solid'))
    .map((e) => e.outerHTML)
})()`

let browser: Browser
let ours: Awaited<ReturnType<typeof servePages>>
let client: Awaited<ReturnType<typeof servePages>>
let axe: string
let posted: PageRequest[] = []

beforeAll(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  // A client that, like many, goes on from its callback to another address of its own.
  client = await servePages((_, request) => {
    if (request.method !== 'POST') return redirect('https://localhost:9/welcome')
    posted.push(request)
    return new Response('Thanks.')
  })
  ours = await servePages((path, request) => {
    if (request.method === 'POST') return answerPost(path, request)
    if (path === '/form_post') return formPostSample('/tenant', `${client.origin}/callback`)
    if (path === '/consent_for_client')
      return PAGE_SAMPLES['consent']?.('/tenant', `${client.origin}/callback`)
    return PAGE_SAMPLES[path.slice(1)]?.('/tenant')
  })
  browser = await launchChromium()
})

beforeEach(() => {
  posted = []
})

afterAll(async () => {
  await browser.close()
  ours.close()
  client.close()
})

function answerPost(path: string, request: PageRequest): Response {
  if (path === '/passkeys/authentication/options')
    return Response.json({ ceremony: 'c', options: { challenge: 'AAAA', rpId: 'localhost' } })
  posted.push(request)
  return redirect(`${client.origin}/callback?code=c`)
}

function redirect(to: string): Response {
  return new Response(null, { status: 303, headers: { Location: to } })
}

async function findViolations(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate<AxeResults>(`axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  })`)
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

describe('every page', () => {
  it.each(Object.keys(PAGE_SAMPLES))(
    '%s: axe finds nothing, light or dark, on phone or desktop',
    async (name) => {
      const context = await browser.newContext({ reducedMotion: 'reduce' })
      const { page, problems } = await openPage(context, `${ours.origin}/tenant/${name}`)
      await page.waitForFunction("!document.querySelector('[data-passkey][hidden]')")
      await page.evaluate(axe)
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 800 })
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          expect(await findViolations(page), `${width} ${colorScheme}`).toEqual([])
        }
      }
      expect(problems).toEqual([])
      await context.close()
    },
  )

  it.each(Object.keys(PAGE_SAMPLES))(
    '%s: at 320 pixels nothing overflows, and everything can be hit and seen',
    async (name) => {
      const context = await browser.newContext({ viewport: { width: 320, height: 640 } })
      const { page } = await openPage(context, `${ours.origin}/tenant/${name}`)
      await page.waitForFunction("!document.querySelector('[data-passkey][hidden]')")
      expect(await page.evaluate(OVERFLOW)).toBe(0)
      expect(await page.evaluate(LOW_TARGETS)).toEqual([])
      expect(await page.evaluate(WITHOUT_FOCUS_RING)).toEqual([])
      await context.close()
    },
  )
})

describe('without scripts', () => {
  async function open(name: string) {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(`${ours.origin}/tenant/${name}`)
    return page
  }
  const sent = () => new URLSearchParams(posted[0]?.body)

  it('consent sends the decision and the scopes that are still checked', async () => {
    const page = await open('consent')
    await page.getByLabel('Create, change and delete files').uncheck()
    await page.getByRole('button', { name: 'Allow' }).click()
    expect(sent().getAll('scope')).toEqual(['files:read'])
    expect(sent().get('decision')).toBe('approve')
  })

  it('Enter in a checkbox of the consent page allows nothing', async () => {
    const page = await open('consent')
    await page.getByLabel('Create, change and delete files').press('Enter')
    await expect.poll(() => sent().get('decision')).toBe('deny')
  })

  it('Enter in the password signs in by password, and passkeys stay out of sight', async () => {
    const page = await open('sign_in')
    expect(await page.getByRole('button', { name: 'passkey' }).count()).toBe(0)
    await page.getByLabel('E-mail address').fill('ada@example.com')
    await page.getByLabel('Password', { exact: true }).fill('correct horse')
    await page.keyboard.press('Enter')
    await expect.poll(() => posted[0]?.body).toContain('password=correct+horse&method=password')
  })

  it('a code can be asked for without a password', async () => {
    const page = await open('sign_in')
    await page.getByLabel('E-mail address').fill('ada@example.com')
    await page.getByRole('button', { name: 'E-mail me a code' }).click()
    expect(sent().get('method')).toBe('email_code')
  })

  it('an answer by form_post waits for a click, and arrives as it was', async () => {
    const page = await open('form_post')
    await page.getByRole('button', { name: 'Continue' }).click()
    expect(sent().get('state')).toBe('"><script>alert(1)</script>')
  })
})

it('an answer by form_post goes by itself where scripts run', async () => {
  const page = await browser.newPage()
  await page.goto(`${ours.origin}/tenant/form_post`, { waitUntil: 'commit' })
  await expect.poll(() => posted[0]?.body).toContain('code=c')
})

it('the policy lets the decision through to the client, and on to where the client goes from its callback', async () => {
  const { page, problems } = await openPage(
    await browser.newContext(),
    `${ours.origin}/tenant/consent_for_client`,
  )
  const welcome = page.waitForEvent(
    'requestfailed',
    (request) => request.url() === 'https://localhost:9/welcome',
  )
  await page.getByRole('button', { name: 'Allow' }).click()
  await welcome
  expect(problems.filter((problem) => problem.includes('form-action'))).toEqual([])
})
