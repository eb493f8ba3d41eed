/**
 * Whether somebody asked for what has this name: by a part of it, or with `=` before it by the whole, one of several apart by commas, or by
 * semicolons where a name has a comma; or for nothing in particular.
 */
export function isAskedFor(variable: 'SUBJECTS' | 'WORKS', name: string): boolean {
  const asked = process.env[variable]?.toLowerCase()
  if (asked === undefined) return true
  const known = name.toLowerCase()
  return asked
    .split(asked.includes(';') ? ';' : ',')
    .map((part) => part.trim())
    .some((part) => part !== '' && (known.includes(part) || part === `=${known}`))
}
