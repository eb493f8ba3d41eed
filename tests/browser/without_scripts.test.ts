import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allow, signInByPassword } from '../support/person.ts'
import { type RealSetup, startRealSetup } from '../support/real_setup.ts'
import { OWNER } from '../support/server.ts'

let setup: RealSetup

beforeAll(async () => {
  setup = await startRealSetup()
})
afterAll(() => setup.close())

describe('without scripts', () => {
  it('signs in by password and allows a part', async () => {
    const { page } = await setup.openPage({ javaScriptEnabled: false })
    const { url, finish } = await setup.request()
    await page.goto(url)
    await signInByPassword(page)
    await page.getByLabel('Change your files').uncheck()
    await allow(page)
    expect((await finish())['scope']).toBe('files:read')
    await page.context().close()
  })

  it('denies', async () => {
    const { page } = await setup.openPage({ javaScriptEnabled: false })
    const { url } = await setup.request()
    await page.goto(url)
    await signInByPassword(page)
    await page.getByRole('button', { name: 'Deny' }).click()
    const { searchParams } = await setup.callback.next()
    expect(searchParams.get('error')).toBe('access_denied')
    expect(searchParams.get('iss')).toBe(setup.server.issuer)
    expect(searchParams.get('state')).toBe('a-state')
    await page.context().close()
  })

  it('an answer by form_post waits for a click', async () => {
    const { page } = await setup.openPage({ javaScriptEnabled: false })
    const { url } = await setup.request({ response_mode: 'form_post' })
    await page.goto(url)
    await signInByPassword(page)
    await allow(page)
    await page.getByRole('button', { name: 'Continue' }).click()
    const answer = await setup.callback.nextRequest()
    expect(answer.method).toBe('POST')
    expect(new URLSearchParams(await answer.text()).get('state')).toBe('a-state')
    await page.context().close()
  })
})

it('with the keyboard alone: signs in and allows', async () => {
  const { page, problems } = await setup.openPage()
  const { url, finish } = await setup.request()
  await page.goto(url)
  // The browser sets the focus of `autofocus` after the load, and what is typed before that goes nowhere.
  await page.locator('input[name=email]:focus').waitFor()
  await page.keyboard.type(OWNER.email)
  await tabTo('input[name=password]')
  await page.keyboard.type(OWNER.password)
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/authorize\?/)
  await tabTo('button[value=approve]')
  await page.keyboard.press('Enter')
  expect(await setup.isActive((await finish()).access_token)).toBe(true)
  expect(problems).toEqual([])
  await page.context().close()

  async function tabTo(selector: string): Promise<void> {
    for (let presses = 0; presses < 20; presses++) {
      await page.keyboard.press('Tab')
      if ((await page.locator(`${selector}:focus`).count()) === 1) return
    }
    throw new Error(`${selector} cannot be reached with the tabulator.`)
  }
})
