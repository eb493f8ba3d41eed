/** From a scope to all that it implies, over any number of steps, itself left out. */
export type ScopeHierarchy = ReadonlyMap<string, readonly string[]>

/** One scope (RFC 6749 §3.3). */
export function isScope(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value)
}

/** The scopes that a token's `scope` names (RFC 6749 §3.3), each once, in order. */
export function scopesOf(claims: Readonly<Record<string, unknown>>): string[] {
  const scope = claims['scope']
  if (typeof scope !== 'string') return []
  return [...new Set(scope.split(' ').filter((name) => name !== ''))]
}

/** The scopes that were granted, and at the end those that they imply. */
export function allScopes(granted: readonly string[], hierarchy: ScopeHierarchy): string[] {
  if (hierarchy.size === 0) return [...granted]
  return [...new Set([...granted, ...granted.flatMap((scope) => hierarchy.get(scope) ?? [])])]
}

export function hasScopes(held: readonly string[], needed: readonly string[]): boolean {
  return needed.every((scope) => held.includes(scope))
}

/** Follows what each scope implies to the end; the nearest come first, and a circle ends where it began. */
export function resolveHierarchy(declared: Readonly<Record<string, readonly string[]>>): ScopeHierarchy {
  const implied = new Map(Object.entries(declared))
  return new Map([...implied.keys()].map((scope) => [scope, everythingBelow(scope, implied)]))
}

function everythingBelow(scope: string, implied: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const found = new Set([scope])
  for (const each of found) {
    for (const below of implied.get(each) ?? []) found.add(below)
  }
  found.delete(scope)
  return [...found]
}
