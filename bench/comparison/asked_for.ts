/**
 * Whether somebody asked for what has this name: by a part of it, or with `=` before it by the whole, one of several apart by commas, or by
 * semicolons where a name has a comma; or for nothing in particular.
 */
export function isAskedFor(variable: 'SUBJECTS' | 'WORKS', name: string): boolean {
  const asked = process.env[variable]?.toLowerCase() ?? ''
  const known = name.toLowerCase()
  const parts = asked
    .split(asked.includes(';') ? ';' : ',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  return parts.length === 0 || parts.some((part) => known.includes(part) || part === `=${known}`)
}
