/** Whether somebody asked for what has this name: by a part of it, one of several apart by commas, or for nothing in particular. */
export function isAskedFor(variable: 'SUBJECTS' | 'WORKS', name: string): boolean {
  const asked = process.env[variable]?.split(',')
  return asked === undefined || asked.some((part) => name.toLowerCase().includes(part.trim().toLowerCase()))
}
