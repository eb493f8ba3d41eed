import { expect, test } from 'vitest'
import { findPasswordFault } from './password_policy.ts'

const EMAIL = 'christopher@example.com'

test.each([
  'correct horse battery staple',
  'vX9!kQ2@mL5#',
  'пароль из нескольких слов',
  '密码密码很长的一个短语十二',
  '🐎🔋📎🐴 correct words',
  'christopher likes long walks',
  '7395 1846 2037',
  `${'x'.repeat(100)}abcdef1234`,
])('%s will do', (password) => {
  expect(findPasswordFault(password, EMAIL)).toBeUndefined()
})

test.each([
  ['short', 'at least 12'],
  ['elevenchars', 'at least 12'],
  // Eleven letters, each of two code units: characters are counted, not units.
  ['🐎'.repeat(11), 'at least 12'],
  ['x1y2'.repeat(65), 'at most 256'],
  ['christopher@example.com', 'e-mail address'],
  ['Christopher123', 'e-mail address'],
  ['my christopher@example.com!', 'e-mail address'],
  ['password1234', 'among the first'],
  ['P@ssw0rd1234', 'among the first'],
  ['aaaaaaaaaaaa', 'among the first'],
  ['abcabcabcabc', 'among the first'],
  ['passwordpassword', 'among the first'],
  ['123456789012', 'among the first'],
  ['210987654321', 'among the first'],
  ['qwertyuiopas', 'among the first'],
  ['abcdefghijklm', 'among the first'],
])('%s is refused: %s', (password, reason) => {
  expect(findPasswordFault(password, EMAIL)).toContain(reason)
})
