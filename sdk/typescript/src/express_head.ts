import type { Response } from 'express'

/** Calls back with the status when the application has set all headers, and before they are sent. */
export function beforeHead(res: Response, callBack: (status: number) => void): void {
  const { writeHead } = res
  Object.assign(res, {
    writeHead(status: number, ...rest: unknown[]): Response {
      const message = typeof rest[0] === 'string' ? [rest[0]] : []
      for (const [name, value] of entriesOf(rest.find(isHeaders))) res.setHeader(name, value)
      callBack(status)
      return Reflect.apply(writeHead, res, [status, ...message])
    },
  })
}

function isHeaders(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** The forms that `writeHead` takes: an object, a list of pairs, or a flat list of names and values. */
function entriesOf(headers: object | undefined): readonly [string, string | string[]][] {
  if (headers === undefined) return []
  const isFlat = Array.isArray(headers) && !Array.isArray(headers[0])
  const pairs: readonly unknown[][] = isFlat
    ? pairsOf(headers)
    : Array.isArray(headers)
      ? headers
      : Object.entries(headers)
  const values = new Map<string, string[]>()
  for (const [name, value] of pairs) {
    if (value === undefined) continue
    const key = String(name)
    values.set(key, [
      ...(values.get(key) ?? []),
      ...(Array.isArray(value) ? value.map(String) : [String(value)]),
    ])
  }
  return [...values].map(([name, [first = '', ...more]]) => [
    name,
    more.length === 0 ? first : [first, ...more],
  ])
}

function pairsOf(flat: readonly unknown[]): unknown[][] {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]]] : []))
}
