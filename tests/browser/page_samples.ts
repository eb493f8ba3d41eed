import { renderAccountPage } from '../../server/src/pages/account_page.tsx'
import { renderConsentPage } from '../../server/src/pages/consent_page.tsx'
import { renderDevInboxPage } from '../../server/src/pages/dev_inbox_page.tsx'
import { renderEmailCodePage } from '../../server/src/pages/email_code_page.tsx'
import { renderErrorPage } from '../../server/src/pages/error_page.tsx'
import { renderFormPostPage } from '../../server/src/pages/form_post_page.tsx'
import { renderHomePage } from '../../server/src/pages/home_page.tsx'
import { renderInvitationPage } from '../../server/src/pages/invitation_page.tsx'
import { renderJoinPage } from '../../server/src/pages/join_page.tsx'
import { renderLogoutPage } from '../../server/src/pages/logout_page.tsx'
import { renderOwnerSetupPage } from '../../server/src/pages/owner_setup_page.tsx'
import { renderPasswordResetPage } from '../../server/src/pages/password_reset_page.tsx'
import { renderPasswordResetRequestPage } from '../../server/src/pages/password_reset_request_page.tsx'
import { renderSignInPage } from '../../server/src/pages/sign_in_page.tsx'
import { renderSignedOutPage } from '../../server/src/pages/signed_out_page.tsx'

const csrf = 'Zm9ybS1wcm9vZg'
const email = 'ada@example.com'
const minPasswordLength = 12
const at = (text: string) => new Date(`${text}Z`)

const consent = {
  csrf,
  request: 'req_3kq9',
  user: { email },
  switchAccountUrl: '/tenant/sign-in?switch=1&return_to=%2Ftenant%2Fauthorize',
  stepUp: false,
  offerPasskey: false,
  clientSees: [],
  identity: ['email'],
  loopbackOnly: false,
  formActions: ['https://claude.ai/api/mcp/auth_callback'],
  client: {
    name: 'Claude',
    uri: 'https://claude.ai/',
    vouched: { by: 'domain', domain: 'claude.ai' },
  },
  redirect: { host: 'claude.ai', kind: 'https' },
  server: {
    name: 'Team Files',
    url: 'https://files.example.com/mcp',
    description: 'The shared folders of the design team.',
  },
  scopes: [
    { name: 'files:read', description: 'Read the files that you can read', isNew: true },
    { name: 'files:write', description: 'Create, change and delete files', isNew: true },
  ],
} as const

const authorizations = [
  {
    id: 'grt_1',
    clientName: 'Claude',
    clientDomain: 'claude.ai',
    serverName: 'Team Files',
    serverUrl: 'https://files.example.com/mcp',
    scopes: [
      { name: 'files:read', description: 'Read your files' },
      { name: 'files:write', description: 'Change your files' },
    ],
    identity: ['email'],
    grantedAt: at('2026-11-03T09:12'),
    lastUsedAt: at('2026-11-24T07:40'),
  },
  {
    id: 'grt_2',
    clientName: 'Visual Studio Code',
    serverName: 'Issue Tracker',
    serverUrl: 'https://mcp.tracker.example.org/organizations/engineering/projects/authorization/mcp',
    scopes: [{ name: 'issues:read', description: '' }],
    identity: [],
    grantedAt: at('2026-10-12T15:02'),
  },
  {
    id: 'grt_3',
    clientName: 'Notebook',
    scopes: ['openid', 'email'].map((name) => ({ name, description: '' })),
    identity: [],
    grantedAt: at('2026-09-01T10:00'),
  },
]

const sessions = [
  {
    id: 'ses_1',
    current: true,
    createdAt: at('2026-11-20T08:00'),
    lastSeenAt: at('2026-11-24T08:10'),
    userAgent:
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36',
  },
  {
    id: 'ses_2',
    current: false,
    createdAt: at('2026-11-01T18:30'),
    lastSeenAt: at('2026-11-22T21:05'),
    userAgent:
      'Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1',
  },
]

const account = {
  csrf,
  user: { email },
  authorizations,
  sessions,
  passkeys: [
    {
      id: 'key_1',
      name: 'Chrome on Mac',
      createdAt: at('2026-08-01T10:00'),
      lastUsedAt: at('2026-11-24T08:10'),
    },
  ],
  identities: [{ id: 'https://login.acme.example ada', name: 'Acme', connectedAt: at('2026-10-01T08:00') }],
  hasPassword: true,
  minPasswordLength,
}

/** Every page as people will meet it, by name. */
export const PAGE_SAMPLES: Readonly<Record<string, (basePath: string, redirectUri?: string) => Response>> = {
  sign_in: (basePath) =>
    renderSignInPage({
      basePath,
      csrf,
      returnTo: `${basePath}/authorize?x=1`,
      client: { name: 'Claude' },
      server: { name: 'Team Files' },
      emailCode: true,
      signUp: true,
    }),
  sign_in_error: (basePath) =>
    renderSignInPage({
      basePath,
      csrf,
      returnTo: `${basePath}/account`,
      email,
      emailCode: false,
      signUp: false,
      error: 'This address and this password do not go together.',
    }),
  sign_in_upstream: (basePath) =>
    renderSignInPage({
      basePath,
      csrf,
      returnTo: `${basePath}/authorize?x=1`,
      client: { name: 'Claude' },
      server: { name: 'Team Files' },
      upstream: { name: 'Acme' },
      emailCode: true,
      signUp: false,
    }),
  sign_in_upstream_error: (basePath) =>
    renderSignInPage({
      basePath,
      csrf,
      returnTo: `${basePath}/account`,
      upstream: { name: 'W'.repeat(60) },
      emailCode: false,
      signUp: false,
      isTyped: false,
      error: 'Acme has not verified the address ada@acme.example. Verify it there and try again.',
    }),
  email_code: (basePath) => renderEmailCodePage({ basePath, csrf, returnTo: `${basePath}/account`, email }),
  email_code_error: (basePath) =>
    renderEmailCodePage({
      basePath,
      csrf,
      returnTo: `${basePath}/account`,
      email,
      error: 'This code is not right, or no longer good. You have 4 tries left.',
    }),
  consent: (basePath, redirectUri = 'https://claude.ai/api/mcp/auth_callback') =>
    renderConsentPage({ ...consent, basePath, formActions: [redirectUri] }),
  consent_unverified: (basePath) =>
    renderConsentPage({
      ...consent,
      basePath,
      client: { name: 'Claude Code', vouched: { by: 'nobody' } },
      redirect: { host: '127.0.0.1:33418', kind: 'loopback' },
      loopbackOnly: true,
      offerPasskey: true,
      formActions: ['http://127.0.0.1:33418/callback'],
    }),
  consent_step_up: (basePath) =>
    renderConsentPage({
      ...consent,
      basePath,
      stepUp: true,
      client: { name: 'Cursor', vouched: { by: 'operator' } },
      redirect: { host: 'cursor:', kind: 'app' },
      clientSees: ['openid', 'email'],
      formActions: ['cursor://anysphere.cursor-mcp/oauth/callback'],
      scopes: [
        { name: 'openid', description: '', isNew: false },
        { name: 'email', description: '', isNew: false },
        { name: 'files:read', description: 'Read the files that you can read', isNew: false },
        { name: 'files:write', description: 'Create, change and delete files', isNew: true },
      ],
    }),
  consent_identity: (basePath) =>
    renderConsentPage({
      ...consent,
      basePath,
      server: undefined,
      identity: [],
      clientSees: ['openid', 'email'],
      scopes: [
        { name: 'openid', description: '', isNew: true },
        { name: 'email', description: '', isNew: true },
      ],
    }),
  consent_hostile: (basePath) =>
    renderConsentPage({
      ...consent,
      basePath,
      client: {
        name: `Claude‮${'M'.repeat(200)}<script>alert(1)</script>`,
        vouched: { by: 'domain', domain: `${'very-long-subdomain.'.repeat(8)}example.com` },
      },
      redirect: { host: `${'very-long-subdomain.'.repeat(8)}example.com`, kind: 'https' },
      server: {
        name: 'W'.repeat(90),
        url: `https://example.com/${'a'.repeat(280)}`,
        description: 'x'.repeat(500),
      },
      scopes: [{ name: 'a'.repeat(120), description: 'd'.repeat(400), isNew: true }],
      user: { email: `${'e'.repeat(64)}@${'host.'.repeat(30)}example` },
    }),
  error: (basePath) =>
    renderErrorPage({
      basePath,
      title: 'This app is not known here',
      message: 'The app that sent you here uses an id that this server does not know.',
      hint: 'Remove the connection in the app and add it again: it will then introduce itself anew.',
      code: 'invalid_client',
      requestId: '01JD9W7Q3V8Z',
    }),
  error_link: (basePath) =>
    renderErrorPage({
      basePath,
      title: 'Something is wrong with this request',
      message: 'The app asked for nothing that this server could give.',
      code: 'invalid_scope',
      link: { href: 'https://app.unknown.example/callback?error=invalid_scope', label: 'Go back to the app' },
    }),
  account: (basePath) => renderAccountPage({ ...account, basePath, notice: 'Claude no longer has access.' }),
  account_new: (basePath) =>
    renderAccountPage({
      ...account,
      basePath,
      authorizations: [],
      passkeys: [],
      hasPassword: false,
      sessions: sessions.slice(0, 1),
      error: 'This page was out of date. Please try again.',
    }),
  owner_setup: (basePath) => renderOwnerSetupPage({ basePath, csrf, token: 'tok', minPasswordLength }),
  invitation: (basePath) =>
    renderInvitationPage({
      basePath,
      csrf,
      token: 'tok',
      email,
      organization: 'Analytical Engines',
      minPasswordLength,
      error: 'Please choose a longer password.',
    }),
  join: (basePath) =>
    renderJoinPage({ basePath, csrf, token: 'tok', email, organization: 'Analytical Engines' }),
  password_reset_request: (basePath) =>
    renderPasswordResetRequestPage({ basePath, csrf, returnTo: `${basePath}/account` }),
  password_reset_requested: (basePath) =>
    renderPasswordResetRequestPage({
      basePath,
      csrf,
      returnTo: `${basePath}/account`,
      email,
      notice: 'If this address has an account, a link is on its way. It is good for one hour.',
    }),
  password_reset: (basePath) =>
    renderPasswordResetPage({ basePath, csrf, token: 'tok', email, minPasswordLength }),
  logout: (basePath) =>
    renderLogoutPage({
      basePath,
      csrf,
      user: { email },
      state: 's',
      client_id: 'https://app.example/client',
    }),
  signed_out: (basePath) => renderSignedOutPage({ basePath }),
  dev_inbox: (basePath) =>
    renderDevInboxPage({
      basePath,
      messages: [
        {
          to: email,
          subject: 'Your sign-in code',
          text: 'Your code is K7QM2XPA.\n\nIt is good for ten minutes, in the browser that asked for it.',
          sentAt: at('2026-11-24T08:15'),
        },
        {
          to: 'grace@example.com',
          subject: 'Join Analytical Engines at localhost:8787',
          text: 'Follow this link to join:\nhttp://localhost:8787/invitation?token=4f2c8c1e9d774b0a93c1b9d0a2f6c7e84f2c8c1e9d774b0a93c1b9d0a2f6c7e8\n',
          sentAt: at('2026-11-24T08:02'),
        },
      ],
    }),
  dev_inbox_empty: (basePath) => renderDevInboxPage({ basePath, messages: [] }),
  home: (basePath) => renderHomePage({ basePath, issuer: `http://localhost:8787${basePath}` }),
}

/** Leaves by itself where scripts run, so it is looked at apart from the others. */
export function formPostSample(basePath: string, action: string): Response {
  return renderFormPostPage({
    basePath,
    action,
    fields: { code: 'c', state: '"><script>alert(1)</script>', iss: 'i' },
  })
}
