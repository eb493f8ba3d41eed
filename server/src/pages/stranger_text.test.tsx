import { describe, expect, it } from 'vitest'
import { boundText, findLinkable } from './stranger_text.tsx'

describe('boundText', () => {
  it('drops what changes the direction of text or cannot be seen', () => {
    expect(boundText('Cl\u202eaud\u2066e\u200b\u00ad\ufeff\u{e0041}', 64)).toBe('Claude')
  })

  it('leaves nothing of a name that only looks empty', () => {
    expect(boundText('\u3164\u2800\u200b \u115f', 64)).toBe('')
  })

  it('keeps to one line', () => {
    expect(boundText('  Team\r\n\tFiles\u2028and\u00a0more ', 64)).toBe('Team Files and more')
  })

  it('keeps what languages and emoji need', () => {
    const text = 'می‌خواهم 👩‍💻 क्षि'
    expect(boundText(text, 64)).toBe(text)
  })

  it('cuts piled-up marks', () => {
    expect(boundText(`a${'\u0301'.repeat(100)}b`, 64)).toBe(`a${'\u0301'.repeat(4)}b`)
  })

  it('bounds the length without cutting a character in two', () => {
    expect(boundText('😀'.repeat(100), 10)).toBe(`${'😀'.repeat(9)}…`)
    expect(boundText('x'.repeat(1_000_000), 64)).toHaveLength(64)
  })
})

describe('findLinkable', () => {
  it.each([
    'javascript:alert(1)',
    ' JavaScript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'blob:https://a.example/x',
    'file:///etc/passwd',
    'not a url',
    '//host.example',
  ])('refuses %j', (address) => {
    expect(findLinkable(address)).toBeUndefined()
  })

  it.each(['https://a.example/cb?x=1', 'http://127.0.0.1:7/cb', 'cursor://x/y', 'com.example.app:/cb'])(
    'admits %s',
    (address) => {
      expect(findLinkable(address)?.href).toBe(address)
    },
  )
})
