interface Pattern {
  /** What stands between the asterisks, in order. */
  parts: readonly string[]
  literals: number
  scopes: readonly string[]
}

/** Which scopes each tool needs. A tool that the table does not have may not be called. */
export class ToolTable {
  readonly #exact: ReadonlyMap<string, readonly string[]>
  /** The most specific first; among equals, the first declared. */
  readonly #patterns: readonly Pattern[]

  constructor(table: ReadonlyMap<string, readonly string[]>) {
    const entries = [...table]
    this.#exact = new Map(entries.filter(([name]) => !name.includes('*')))
    this.#patterns = entries
      .filter(([name]) => name.includes('*'))
      .map(([name, scopes]) => ({ parts: name.split('*'), literals: countLiterals(name), scopes }))
      .sort((a, b) => b.literals - a.literals)
  }

  /** The scopes that a call of this tool needs; undefined where nobody may call it. */
  find(tool: string): readonly string[] | undefined {
    return this.#exact.get(tool) ?? this.#patterns.find(({ parts }) => isMatch(tool, parts))?.scopes
  }
}

function countLiterals(pattern: string): number {
  return [...pattern].filter((character) => character !== '*').length
}

/** Each asterisk stands for any characters, none included. Takes time in proportion to the name, whatever it is. */
function isMatch(tool: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (!tool.startsWith(first) || !tool.endsWith(last)) return false
  const end = tool.length - last.length
  let position = first.length
  for (const part of parts.slice(1, -1)) {
    const found = tool.indexOf(part, position)
    if (found === -1) return false
    position = found + part.length
  }
  return position <= end
}
