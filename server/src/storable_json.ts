/**
 * Parses JSON that strangers wrote, and that may be stored. JSON can spell a NUL and half a surrogate pair; neither is a character of
 * PostgreSQL.
 *
 * @throws SyntaxError
 */
export function parseStorableJson(text: string): unknown {
  return JSON.parse(text, refuseUnstorable)
}

function refuseUnstorable(key: string, value: unknown): unknown {
  if (isUnstorable(key) || (typeof value === 'string' && isUnstorable(value))) {
    throw new SyntaxError('It contains a NUL or half a surrogate pair.')
  }
  return value
}

function isUnstorable(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed()
}
