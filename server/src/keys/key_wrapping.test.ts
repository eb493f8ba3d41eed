import { describe, expect, it } from 'vitest'
import { createKeyWrapping } from './key_wrapping.ts'

const OLD = 'the secret of last year, which is long enough'
const NEW = 'the secret of this year, which is long enough'
const KEY = Buffer.from('a key of whatever length it has')

const wrapped = () => createKeyWrapping([OLD]).wrap(KEY, 'row 1')

describe('a wrapped key', () => {
  it('is opened by its secret for its row', () => {
    expect(createKeyWrapping([OLD]).unwrap(wrapped(), 'row 1')).toEqual(KEY)
  })

  it('contains neither the key nor the secret, and looks different each time', () => {
    expect(wrapped().includes(KEY)).toBe(false)
    expect(wrapped().toString('latin1')).not.toContain(OLD)
    expect(wrapped()).not.toEqual(wrapped())
  })

  it.each([[[NEW, OLD]], [[OLD, NEW]]])('is opened wherever its secret stands: %j', (secrets) => {
    expect(createKeyWrapping(secrets).unwrap(wrapped(), 'row 1')).toEqual(KEY)
  })

  it('is current while its secret comes first', () => {
    expect(createKeyWrapping([OLD, NEW]).isCurrent(wrapped())).toBe(true)
    expect(createKeyWrapping([NEW, OLD]).isCurrent(wrapped())).toBe(false)
  })

  it('is wrapped by the newest secret', () => {
    const both = createKeyWrapping([NEW, OLD]).wrap(KEY, 'row 1')
    expect(createKeyWrapping([NEW]).unwrap(both, 'row 1')).toEqual(KEY)
    expect(() => createKeyWrapping([OLD]).unwrap(both, 'row 1')).toThrow('add the former secret to its end')
  })

  it('is not opened by another secret, and the operator is told what to do', () => {
    expect(() => createKeyWrapping([NEW]).unwrap(wrapped(), 'row 1')).toThrow(
      'AUTH_AGENT_SECRET does not hold the secret that wrapped the keys in this database: add the former secret to its end.',
    )
  })

  it('is not opened for another row', () => {
    expect(() => createKeyWrapping([OLD]).unwrap(wrapped(), 'row 2')).toThrow()
  })

  it.each([8, 20, 36])('is not opened when its byte %i was changed', (index) => {
    const changed = wrapped()
    changed.writeUInt8(changed.readUInt8(index) ^ 1, index)
    expect(() => createKeyWrapping([OLD]).unwrap(changed, 'row 1')).toThrow()
  })

  it('is not opened when it was cut short', () => {
    expect(() => createKeyWrapping([OLD]).unwrap(wrapped().subarray(0, -1), 'row 1')).toThrow()
  })
})

describe('secrets', () => {
  it('are refused when there is none', () => {
    expect(() => createKeyWrapping([])).toThrow('AUTH_AGENT_SECRET is empty')
  })

  it.each([[['short']], [['x'.repeat(31)]], [[OLD, 'short']], [['']]])(
    'are refused when one is shorter than 32 bytes: %j',
    (secrets) => {
      expect(() => createKeyWrapping(secrets)).toThrow('AUTH_AGENT_SECRET has an entry shorter than 32 bytes')
    },
  )

  it('are measured in bytes', () => {
    expect(() => createKeyWrapping(['ä'.repeat(16)])).not.toThrow()
  })
})
