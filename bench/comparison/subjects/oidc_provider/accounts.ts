import { timingSafeEqual } from 'node:crypto'

/** `oidc-provider` leaves accounts to who uses it; these know one password each, and are in memory. */
const ACCOUNTS = new Map(Array.from({ length: 1_000 }, (_, index) => [loginOf(index), passwordOf(index)]))

export function loginOf(index: number): string {
  return `person-${index}`
}

export function passwordOf(index: number): string {
  return `the password of person ${index}`
}

export function isAccount(login: string): boolean {
  return ACCOUNTS.has(login)
}

export function isPasswordOf(login: string, password: string): boolean {
  const expected = Buffer.from(ACCOUNTS.get(login) ?? '')
  const given = Buffer.from(password)
  return expected.length > 0 && expected.length === given.length && timingSafeEqual(expected, given)
}
