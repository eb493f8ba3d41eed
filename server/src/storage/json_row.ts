/**
 * A row as JSON, for {@link jsonRow}: a statement that writes several tables takes one parameter for each, instead of one for each
 * column. `undefined` is null.
 */
export function toJsonRow(row: Readonly<Record<string, unknown>>): string {
  const columns = Object.entries(row).map(([name, value]) => [
    name,
    Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value,
  ])
  return JSON.stringify(Object.fromEntries(columns))
}

/** The relation that has this one row, by the types of the table's columns. */
export function jsonRow(table: string, parameter: `$${number}`): string {
  return `jsonb_populate_record(null::auth_agent.${table}, ${parameter})`
}
