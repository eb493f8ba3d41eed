/** Words of PromQL that stand where a metric could. */
const KEYWORDS = new Set(['and', 'or', 'unless', 'bool', 'offset'])

/** The metrics that a query names. */
export function metricsOf(query: string): readonly string[] {
  const bare = query
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '')
  const names = bare.match(/[a-zA-Z_:][\w:]*(?!\s*\()\b/g) ?? []
  return names.filter((name) => !KEYWORDS.has(name))
}
