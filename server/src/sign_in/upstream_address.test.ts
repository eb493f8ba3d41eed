import { describe, expect, it } from 'vitest'
import { findProvedAddress } from './upstream_address.ts'

const ada = { email: 'Ada@Acme.example', email_verified: true }
const acme = { issuer: 'https://login.acme.example', emailDomains: ['acme.example'] }

describe('an address that an upstream provider vouches for', () => {
  it('is verified, and at a domain that the provider is authoritative for', () => {
    expect(findProvedAddress(ada, acme)).toEqual({ email: 'ada@acme.example' })
  })

  it.each([
    [{ ...ada, email_verified: false }, 'not_verified'],
    [{ ...ada, email_verified: 'false' }, 'not_verified'],
    [{ ...ada, email_verified: 1 }, 'not_verified'],
    [{ email: ada.email }, 'not_verified'],
    [{ email: ada.email, xms_edov: true }, 'not_verified'],
    [{ ...ada, email: 'ada@evil.example' }, 'foreign_domain'],
    [{ ...ada, email: 'ada@sub.acme.example' }, 'foreign_domain'],
    [{ ...ada, email: 'ada@acme.example.evil.example' }, 'foreign_domain'],
    [{ ...ada, email: 'ada@evil.example@acme.example' }, 'no_address'],
    [{ ...ada, email: 'ada@acme.example\r\nBcc: x@evil.example' }, 'no_address'],
    [{ ...ada, email: 'Ada <ada@acme.example>' }, 'no_address'],
    [{ ...ada, email: ['ada@acme.example'] }, 'no_address'],
    [{ email_verified: true }, 'no_address'],
  ])('is not %o: %s', (claims, fault) => {
    expect(findProvedAddress(claims, acme)).toMatchObject({ fault })
  })

  it('is any verified one in a directory of the operator’s own', () => {
    const own = { ...acme, emailDomains: 'all' } as const
    expect(findProvedAddress({ ...ada, email: 'guest@else.example' }, own)).toEqual({
      email: 'guest@else.example',
    })
    expect(findProvedAddress({ ...ada, email_verified: false }, own)).toMatchObject({ fault: 'not_verified' })
  })

  it('is verified in the words of Amazon Cognito', () => {
    expect(findProvedAddress({ ...ada, email_verified: 'true' }, acme)).toEqual({ email: 'ada@acme.example' })
  })

  it('is, at Google, one of Gmail, or of a Workspace that Google hosts', () => {
    const google = { issuer: 'https://accounts.google.com', emailDomains: ['gmail.com', 'acme.example'] }
    expect(findProvedAddress({ ...ada, email: 'ada@gmail.com' }, google)).toEqual({ email: 'ada@gmail.com' })
    expect(findProvedAddress({ ...ada, hd: 'acme.example' }, google)).toEqual({ email: 'ada@acme.example' })
    // A private account under an address that Google verified once.
    expect(findProvedAddress(ada, google)).toMatchObject({ fault: 'foreign_domain' })
  })

  it('is, at Entra, one at a domain that the tenant has proved: it writes any address into email', () => {
    const entra = {
      issuer: 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
      emailDomains: ['acme.example'],
    }
    for (const xms_edov of [true, 1, '1', 'true'])
      expect(findProvedAddress({ email: ada.email, xms_edov }, entra)).toEqual({ email: 'ada@acme.example' })
    for (const xms_edov of [false, 0, '0', 'false', undefined, []])
      expect(findProvedAddress({ email: ada.email, xms_edov }, entra)).toMatchObject({
        fault: 'not_verified',
      })
    expect(findProvedAddress(ada, entra)).toMatchObject({ fault: 'not_verified' })
  })
})
