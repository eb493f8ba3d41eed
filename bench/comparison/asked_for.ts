/**
 * Whether somebody asked for what has this name: by a part of it, or with `=` before it by the whole, one of several apart by commas; or for
 * nothing in particular.
 */
export function isAskedFor(variable: 'SUBJECTS' | 'WORKS', name: string): boolean {
  const asked = process.env[variable]?.toLowerCase().split(',')
  const known = name.toLowerCase()
  return (
    asked === undefined ||
    asked.map((part) => part.trim()).some((part) => known.includes(part) || part === `=${known}`)
  )
}
