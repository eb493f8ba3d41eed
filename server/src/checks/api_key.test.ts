import { expect, it } from 'vitest'
import { newId, newSecret } from '../random.ts'
import { formatApiKey, parseApiKey } from './api_key.ts'

it('reads what it writes', () => {
  for (let round = 0; round < 100; round++) {
    const key = { keyId: newId('key_'), secret: newSecret() }
    expect(parseApiKey(formatApiKey(key))).toEqual(key)
  }
})

it.each([
  ['nothing', ''],
  ['the prefix', 'sk_'],
  ['a short id', `sk_${'a'.repeat(25)}_${'b'.repeat(43)}`],
  ['a short secret', `sk_${'a'.repeat(26)}_${'b'.repeat(42)}`],
  ['a long secret', `sk_${'a'.repeat(26)}_${'b'.repeat(44)}`],
  ['an upper-case id', `sk_${'A'.repeat(26)}_${'b'.repeat(43)}`],
  ['a line break at its end', `sk_${'a'.repeat(26)}_${'b'.repeat(43)}\n`],
  ['another prefix', `pk_${'a'.repeat(26)}_${'b'.repeat(43)}`],
])('is no key: %s', (_, text) => {
  expect(parseApiKey(text)).toBeUndefined()
})
