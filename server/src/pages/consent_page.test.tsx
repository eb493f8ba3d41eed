import { expect, it } from 'vitest'
import { type ConsentPageProps, renderConsentPage } from './consent_page.tsx'

const props: ConsentPageProps = {
  basePath: '/tenant',
  csrf: 'proof',
  request: 'req_1',
  client: { name: 'Claude', vouched: { by: 'domain', domain: 'claude.ai' } },
  redirect: { host: 'callback.claude.ai', kind: 'https' },
  loopbackOnly: false,
  server: { name: 'Team Files', url: 'https://files.example/mcp' },
  scopes: [
    { name: 'files:read', description: 'Read your files', isNew: false },
    { name: 'files:write', description: 'Change your files', isNew: true },
  ],
  identity: ['email'],
  clientSees: [],
  user: { email: 'ada@example.com' },
  stepUp: false,
  offerPasskey: false,
  switchAccountUrl: '/tenant/sign-in?switch=1',
  formActions: ['https://callback.claude.ai/cb'],
}
const html = (changes: Partial<ConsentPageProps> = {}) => renderConsentPage({ ...props, ...changes }).text()
const words = async (changes: Partial<ConsentPageProps> = {}) => (await html(changes)).replace(/<[^>]+>/g, '')

it('is a plain form with the fields of the contract', async () => {
  const page = await html()
  expect(page).toMatch(/<form class="[^"]*" method="post" action="\/tenant\/consent">/)
  expect(page).toContain('<input type="hidden" name="csrf" value="proof"/>')
  expect(page).toContain('<input type="hidden" name="request" value="req_1"/>')
  expect(
    page.match(/<input type="checkbox" name="scope" value="files:\w+" id="scope-\d" checked=""\/>/g),
  ).toHaveLength(2)
  expect(page.match(/name="decision" value="\w+"/g)).toEqual([
    'name="decision" value="deny"',
    'name="decision" value="approve"',
  ])
})

it('says who asks, for which server, as whom, what is seen, and where it leads', async () => {
  const page = await words()
  for (const fact of [
    'Allow Claude to use Team Files?',
    'Verified: it belongs to claude.ai',
    'https://files.example/mcp',
    'callback.claude.ai',
    'Read your files',
    'Your e-mail address',
    'ada@example.com',
    'Not you?',
  ])
    expect(page).toContain(fact)
})

it('keeps a name that nobody vouches for out of the heading, and says so', async () => {
  const page = await words({ client: { name: 'Claude', vouched: { by: 'nobody' } } })
  expect(page).toContain('Allow an unverified app to use Team Files?')
  expect(page).toContain('It calls itself Claude, but nobody vouches for this name.')
})

it('warns where only this computer is listed, even of a verified client', async () => {
  expect(await words({ loopbackOnly: true })).toContain('any program could pose as it')
  expect(await words()).not.toContain('could pose as it')
})

it('marks what is new at a step-up, and puts it first', async () => {
  const page = await words({ stepUp: true })
  expect(page).toContain('Allow Claude to do more with Team Files?')
  expect(page).toContain('Change your filesnew')
  expect(page.indexOf('Change your files')).toBeLessThan(page.indexOf('Read your files'))
})

it('promises no more where a step-up asks for nothing new', async () => {
  const scopes = props.scopes.map((scope) => ({ ...scope, isNew: false }))
  expect(await words({ stepUp: true, scopes })).toContain('Allow Claude to use Team Files?')
})

it('asks for identity alone where there is no server, in our words for the scopes of OpenID Connect', async () => {
  const page = await words({
    server: undefined,
    scopes: [{ name: 'email', description: '', isNew: true }],
    clientSees: ['email'],
  })
  expect(page).toContain('Let Claude know who you are?')
  expect(page).toContain('See your e-mail address')
  expect(page).not.toContain('Server sees')
})

it('links the client’s site only where it belongs to the one who vouches', async () => {
  const site = (uri: string) => html({ client: { ...props.client, uri } })
  expect(await site('https://help.claude.ai/x')).toContain('href="https://help.claude.ai/x"')
  expect(await site('https://evil-claude.ai/')).not.toContain('evil')
  expect(await site('javascript:alert(1)')).not.toContain('javascript')
})
