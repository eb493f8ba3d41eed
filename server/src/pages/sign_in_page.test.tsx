import { expect, it } from 'vitest'
import { renderEmailCodePage } from './email_code_page.tsx'
import { renderSignInPage, type SignInPageProps } from './sign_in_page.tsx'

const props: SignInPageProps = {
  basePath: '/tenant',
  csrf: 'proof',
  returnTo: '/tenant/authorize?a=1&b=2',
  emailCode: true,
  signUp: false,
}
const html = (changes: Partial<SignInPageProps> = {}) => renderSignInPage({ ...props, ...changes }).text()

it('is a plain form with the fields of the contract', async () => {
  const page = await html()
  expect(page).toContain('<form method="post" action="/tenant/sign-in">')
  expect(page).toContain('<input type="hidden" name="csrf" value="proof"/>')
  expect(page).toContain('<input type="hidden" name="return_to" value="/tenant/authorize?a=1&amp;b=2"/>')
  expect(page).toMatch(/<input name="email" type="email" autocomplete="username webauthn"/)
  expect(page).toMatch(/<input name="password" type="password" autocomplete="current-password"/)
})

it('takes Enter for the password: its button is the first', async () => {
  const buttons = (await html()).match(/<button[^>]*type="submit"[^>]*>/g)
  expect(buttons).toEqual([
    expect.stringContaining('name="method" value="password"'),
    expect.stringMatching(/name="method" value="email_code" formnovalidate/),
  ])
})

it('offers nothing by mail where no mail can leave', async () => {
  const page = await html({ emailCode: false })
  expect(page).not.toContain('value="email_code"')
  expect(page).not.toContain('/password-reset')
})

it('keeps the passkey out of sight until the script finds that it works', async () => {
  expect(await html()).toMatch(/data-passkey="authentication"[^>]* hidden=""/)
})

it('ties an error to the fields, and keeps the address', async () => {
  const page = await html({ email: 'ada@example.com', error: 'No.' })
  expect(page).toContain('id="error" role="alert">No.</p>')
  expect(page.match(/aria-invalid="true" aria-describedby="error"/g)).toHaveLength(2)
  expect(page).toContain('value="ada@example.com"')
})

it('offers another provider in a form of its own, and blames no field for its error', async () => {
  expect(await html()).not.toContain('/sign-in/upstream')
  const wishes = { switching: true, fresh: true, email: 'ada@example.com' }
  const page = await html({ upstream: { name: 'Acme & Sons' }, error: 'No.', isTyped: false, ...wishes })
  expect(page).toContain('<form class="others" method="post" action="/tenant/sign-in/upstream">')
  expect(page).toContain('Continue with Acme &amp; Sons</button>')
  expect(page).toContain('<input type="hidden" name="login_hint" value="ada@example.com"/>')
  expect(page.match(/name="(switch|fresh)" value="1"/g)).toHaveLength(4)
  expect(page).toContain('role="alert">No.</p>')
  expect(page).not.toContain('aria-invalid')
})

it('asks for the code in a plain form, whether one was sent or not', async () => {
  const page = await renderEmailCodePage({ ...props, email: 'ada@example.com' }).text()
  expect(page).toContain('<form method="post" action="/tenant/sign-in/code">')
  expect(page).toMatch(/<input name="code" type="text" [^>]*autocomplete="one-time-code"/)
  expect(page).toContain('can sign in here, a code is on its way')
  expect(page).toContain(
    'href="/tenant/sign-in?switch=1&amp;return_to=%2Ftenant%2Fauthorize%3Fa%3D1%26b%3D2"',
  )
})
