import { expect, test } from 'vitest'
import { showText } from './shown_text.ts'

test('a text of a stranger begins no line, and says nothing to a terminal', () => {
  expect(showText('a\r\nb\u001b[2Jc\u0085d\u2028e\u202ef\0', 100)).toBe('"ab[2Jcdef"')
  expect(showText('say "x"', 100)).toBe('"say \\"x\\""')
})

test('it is cut, and no half of a character is left', () => {
  expect(showText('x'.repeat(1000), 100)).toBe(`"${'x'.repeat(100)}"`)
  expect(showText('a😀', 2)).toBe('"a"')
  expect(showText('größe', 100)).toBe('"größe"')
})
