import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { fromDer, toDer } from './ecdsa_encoding.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const number = (text: string) => text.padStart(64, '0')

describe('r and s, and DER', () => {
  it.each([
    [
      'of full length',
      '11'.repeat(32),
      '22'.repeat(32),
      `3044 0220${'11'.repeat(32)} 0220${'22'.repeat(32)}`,
    ],
    [
      'whose first bits are set',
      'ff'.repeat(32),
      `80${'00'.repeat(31)}`,
      `3046 022100${'ff'.repeat(32)} 02210080${'00'.repeat(31)}`,
    ],
    ['that are short', '01', '7f', '3006 020101 02017f'],
    ['that are short, and whose first bits are set', '80', 'ff01', '3009 02020080 020300ff01'],
    ['that are zero, which no signature is', '00', '00', '3006 020100 020100'],
    ['of different lengths', '0102', 'ee'.repeat(31), `3026 02020102 022000${'ee'.repeat(31)}`],
  ])('%s are each other', (_, r, s, der) => {
    const numbers = hex(number(r) + number(s))
    expect(toDer(numbers)).toEqual(hex(der))
    expect(fromDer(hex(der))).toEqual(numbers)
  })

  it.each([0, 1, 32, 63, 65, 70, 71, 72, 128])('are no %i bytes', (length) => {
    expect(toDer(Buffer.alloc(length, 1))).toBeUndefined()
  })

  it('are converted as OpenSSL does, whatever their lengths', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const lengths = new Set<number>()
    for (let message = 0; message < 2_000; message += 1) {
      const der = sign('sha256', Buffer.from(`${message}`), privateKey)
      lengths.add(der.length)
      expect(toDer(fromDer(der))).toEqual(der)
    }
    // The first bit of none of the numbers is set, of one, of both. Shorter ones are rare, and in the table above.
    expect([...lengths]).toEqual(expect.arrayContaining([70, 71, 72]))
  })
})
