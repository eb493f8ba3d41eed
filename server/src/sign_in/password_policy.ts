/**
 * NIST SP 800-63B-4 §3.1.1.2: length instead of composition rules, any Unicode, a list of what everybody tries.
 * It asks for 15 characters where a password stands alone; with guesses limited per account we ask for 12.
 */
export const MIN_PASSWORD_LENGTH = 12
/** Long enough for every phrase; a bound all the same, for what is hashed is sent by strangers. */
export const MAX_PASSWORD_LENGTH = 256

const SEQUENCES = [
  '1234567890',
  '0123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn',
].map((sequence) => sequence.repeat(3))
/** What the common long passwords consist of, once digits and punctuation are gone. */
const COMMON_WORDS =
  `admin administrator changeme default football iloveyou letmein login master monkey mypassword password passw
   passwort princess qwerty qwertyuiop secret secretpassword sunshine superman test testpassword user welcome
   welcomepassword adminpassword authagent authagentpassword motdepasse contrasena`.split(/\s+/)

/**
 * What is wrong with a new password, as a sentence for its owner; undefined when nothing is.
 *
 * @param email whose password it is to be
 */
export function findPasswordFault(password: string, email: string): string | undefined {
  const normal = password.normalize('NFKC')
  const length = [...normal].length
  if (length < MIN_PASSWORD_LENGTH) return `The password needs at least ${MIN_PASSWORD_LENGTH} characters.`
  if (length > MAX_PASSWORD_LENGTH) return `The password may have at most ${MAX_PASSWORD_LENGTH} characters.`
  const lower = normal.toLowerCase()
  if (isAddress(lower, email)) return 'The password must not be your e-mail address.'
  if (isCommon(lower))
    return 'This password is among the first that anybody would try. A few unrelated words are better.'
  return undefined
}

/** Whether the password is the address, or one of its halves with some digits and punctuation about it. */
function isAddress(lower: string, email: string): boolean {
  const [local = '', domain = ''] = email.split('@')
  const parts = [email, local, domain, domain.split('.', 1)[0] ?? '']
  return lower.includes(email) || parts.some((part) => isMostly(lower, lettersOf(part)))
}

function isCommon(lower: string): boolean {
  if (/^(.{1,8}?)\1+$/u.test(lower) || new Set(lower).size < 4) return true
  const reversed = [...lower].toReversed().join('')
  if (SEQUENCES.some((sequence) => sequence.includes(lower) || sequence.includes(reversed))) return true
  const spelled = lower.replaceAll('0', 'o').replaceAll('@', 'a').replaceAll('$', 's')
  return COMMON_WORDS.some((word) => isMostly(lower, word) || isMostly(spelled, word))
}

/** Whether nothing but digits and punctuation, and not much of those, was added to a word. */
function isMostly(text: string, word: string): boolean {
  return word.length > 2 && word.length * 2 >= text.length && lettersOf(text) === word
}

function lettersOf(text: string): string {
  return text.replace(/[^\p{L}]/gu, '')
}
