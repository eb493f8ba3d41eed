import { createHmac, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createHmacKey } from './hmac.ts'

const macOf = (key: Buffer, message: string) => createHmacKey(key).mac(message).toString('hex')

describe('HMAC-SHA-256', () => {
  // RFC 4231 §4.2 and §4.3; the others have keys longer than any of ours, or data that is no text.
  it.each([
    [Buffer.alloc(20, 0x0b), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      Buffer.from('Jefe'),
      'what do ya want for nothing?',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
  ])('is that of RFC 4231', (key, message, mac) => {
    expect(macOf(key, message)).toBe(mac)
  })

  it('is that of OpenSSL for keys and texts of every length, and whatever went before', () => {
    for (let length = 0; length <= 64; length += 1) {
      const bytes = randomBytes(length)
      const key = createHmacKey(bytes)
      for (const message of ['', 'a', 'ä€🔑'.repeat(length), 'x'.repeat(1_000 + length)])
        expect(key.mac(message)).toEqual(createHmac('sha256', bytes).update(message).digest())
    }
  })

  it('takes no key that would have to be hashed first', () => {
    expect(() => createHmacKey(Buffer.alloc(65))).toThrow('64 bytes at the most')
  })
})
