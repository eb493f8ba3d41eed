import { expect, it } from 'vitest'
import { renderAccountPage } from './account_page.tsx'
import { renderConsentPage } from './consent_page.tsx'
import { renderDevInboxPage } from './dev_inbox_page.tsx'
import { renderEmailCodePage } from './email_code_page.tsx'
import { renderErrorPage } from './error_page.tsx'
import { renderFormPostPage } from './form_post_page.tsx'
import { renderHomePage } from './home_page.tsx'
import { renderInvitationPage } from './invitation_page.tsx'
import { renderLogoutPage } from './logout_page.tsx'
import { renderOwnerSetupPage } from './owner_setup_page.tsx'
import { renderPasswordResetPage } from './password_reset_page.tsx'
import { renderPasswordResetRequestPage } from './password_reset_request_page.tsx'
import { renderSignInPage } from './sign_in_page.tsx'

const x = `"'><img src=x onerror=alert(1)></title><script>alert(2)</script><p style="x`
const at = new Date(0)
const common = { basePath: '', csrf: x, email: x, error: x, notice: x, token: x, minPasswordLength: 12 }
const user = { email: x }
const signIn = {
  ...common,
  returnTo: x,
  emailCode: true,
  signUp: true,
  upstream: { name: x },
  client: { name: x },
  server: { name: x },
}

const pages: Record<string, () => Response> = {
  account: () =>
    renderAccountPage({
      ...common,
      user,
      authorizations: [
        {
          id: x,
          clientName: x,
          clientDomain: x,
          serverName: x,
          serverUrl: x,
          scopes: [{ name: x, description: x }],
          identity: [x],
          grantedAt: at,
        },
      ],
      sessions: [{ id: x, current: false, createdAt: at, lastSeenAt: at, userAgent: x }],
      passkeys: [{ id: x, name: x, createdAt: at }],
      identities: [{ id: x, name: x, connectedAt: at }],
      hasPassword: true,
    }),
  consent: () =>
    renderConsentPage({
      ...common,
      request: x,
      client: { name: x, uri: `https://${'x'}.example/${x}`, vouched: { by: 'operator' } },
      redirect: { host: x, kind: 'https' },
      loopbackOnly: true,
      server: { name: x, url: x, description: x },
      scopes: [{ name: x, description: x, isNew: true }],
      identity: [x],
      clientSees: [x],
      user,
      stepUp: true,
      offerPasskey: true,
      switchAccountUrl: x,
      formActions: [x],
    }),
  devInbox: () =>
    renderDevInboxPage({ ...common, messages: [{ to: x, subject: x, text: `https://a/${x}`, sentAt: at }] }),
  emailCode: () => renderEmailCodePage(signIn),
  error: () =>
    renderErrorPage({
      ...common,
      title: x,
      message: x,
      hint: x,
      code: x,
      requestId: x,
      link: { href: `https://a.example/${x}`, label: x },
    }),
  formPost: () => renderFormPostPage({ ...common, action: `https://a.example/${x}`, fields: { [x]: x } }),
  home: () => renderHomePage({ ...common, issuer: x }),
  invitation: () => renderInvitationPage({ ...common, organization: x }),
  logout: () =>
    renderLogoutPage({
      ...common,
      user,
      post_logout_redirect_uri: x,
      state: x,
      client_id: x,
      id_token_hint: x,
    }),
  ownerSetup: () => renderOwnerSetupPage(common),
  passwordReset: () => renderPasswordResetPage(common),
  passwordResetRequest: () => renderPasswordResetRequestPage({ ...common, returnTo: x }),
  signIn: () => renderSignInPage(signIn),
}

it.each(Object.keys(pages))('%s shows markup of strangers as text', async (name) => {
  const response = pages[name]?.()
  const html = (await response?.text()) ?? ''
  expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;')
  expect(html).not.toMatch(/<img|<script>| style="/)
  expect(response?.headers.get('Content-Security-Policy')).not.toContain('alert')
})

it('links an error page to no script, and elsewhere only with the name of the host', async () => {
  const page = (href: string) =>
    renderErrorPage({ basePath: '', title: 't', message: 'm', link: { href, label: 'Back' } }).text()
  expect(await page('javascript:alert(1)')).not.toContain('javascript')
  expect(await page('//evil.example')).not.toContain('evil')
  expect(await page('https://user@evil.example/cb')).toMatch(/Leads to <strong[^>]*>evil\.example</)
  expect(await page('/sign-in')).toContain('href="/sign-in"')
})

it('posts an authorization response to no script', () => {
  expect(() => renderFormPostPage({ basePath: '', action: 'javascript:alert(1)', fields: {} })).toThrow(
    TypeError,
  )
})
