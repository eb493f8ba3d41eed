import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DenialRow } from '../../server/src/storage/denials.ts'
import { deny } from '../../server/src/tokens/revocation.ts'
import { createTwoNodes, GRANT, isActive, issue, type TwoNodes } from './nodes.ts'

let nodes: TwoNodes

beforeAll(async () => {
  nodes = await createTwoNodes()
})
afterAll(() => nodes.test.drop())

function denial(kind: DenialRow['kind'], subject: string): DenialRow {
  const isOne = kind === 'token' || kind === 'grant'
  return {
    organization_id: 'org_root',
    kind,
    subject,
    server_id: null,
    cutoff: isOne ? null : new Date(nodes.clock.now),
    expires_at: new Date(nodes.clock.now + 3_900_000),
  }
}

/** What a denial of each kind names in a token, and a token that it does not name. */
const KINDS = [
  { kind: 'token', claim: 'jti', other: {} },
  { kind: 'grant', claim: 'grant_id', other: { grantId: 'grant-2' } },
  { kind: 'user', claim: 'sub', other: { sub: 'usr_bob' } },
  { kind: 'client', claim: 'client_id', other: { clientId: 'cli_other' } },
  { kind: 'server', claim: 'aud', other: { resource: 'https://other.example.com' } },
] as const

describe.each(KINDS)('a denial of a $kind', ({ kind, claim, other }) => {
  const own = {
    grantId: `grant-${kind}`,
    sub: `usr_${kind}`,
    clientId: `cli_${kind}`,
    resource: `https://${kind}.example`,
  }

  it('is honoured by its own node at once, by another within a second, and by one that starts later', async () => {
    const { a, b, clock } = nodes
    const token = await issue(a, own)
    const unnamed = await issue(a, { ...own, ...other })
    expect(await isActive(b, token)).toBe(true)

    await deny(a, denial(kind, String(decodeJwt(token)[claim])))
    expect(await isActive(a, token)).toBe(false)
    clock.advance(1)
    expect(await isActive(b, token)).toBe(false)
    for (const node of [a, b]) expect(await isActive(node, unnamed)).toBe(true)
    expect(await isActive(await nodes.addNode(), token)).toBe(false)
  })
})

describe('a denial with a cutoff', () => {
  it.each(['user', 'client', 'server'] as const)(
    'lets what is authorized after it work: %s',
    async (kind) => {
      const { a, b, clock } = nodes
      const own = {
        sub: `usr_again_${kind}`,
        clientId: `cli_again_${kind}`,
        resource: `https://again-${kind}.example`,
      }
      const before = await issue(a, own)
      const subject = { user: own.sub, client: own.clientId, server: own.resource }[kind]
      await deny(a, denial(kind, subject))
      clock.advance(1)
      const after = await issue(a, own)
      for (const node of [a, b]) {
        expect(await isActive(node, before)).toBe(false)
        expect(await isActive(node, after)).toBe(true)
      }
      // A later one covers what an earlier one let through.
      await deny(a, denial(kind, subject))
      clock.advance(1)
      for (const node of [a, b]) expect(await isActive(node, after)).toBe(false)
    },
  )
})

describe('a denial of one thing', () => {
  it('is not one of another kind with the same name', async () => {
    const { a } = nodes
    const token = await issue(a, { ...GRANT, sub: 'same', clientId: 'other', grantId: 'third' })
    await deny(a, denial('client', 'same'))
    await deny(a, denial('grant', 'same'))
    await deny(a, denial('key', 'same'))
    expect(await isActive(a, token)).toBe(true)
    expect(a.denials.isKeyDenied('same')).toBe(true)
    expect(a.denials.isKeyDenied('other')).toBe(false)
  })
})
