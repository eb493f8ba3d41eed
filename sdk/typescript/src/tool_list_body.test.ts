import { describe, expect, test } from 'vitest'
import { createBodyFilter } from './tool_list_body.ts'
import { ToolListFilter } from './tool_list_filter.ts'

const filter = new ToolListFilter([1, 'b'], (tool) => tool === 'read')
const listing = (id: unknown, ...names: string[]) => ({
  jsonrpc: '2.0',
  id,
  result: { tools: names.map((name) => ({ name })) },
})

function run(type: string, pieces: readonly (string | Uint8Array)[]): string {
  const body = createBodyFilter({ type, encoding: '' }, filter)
  const passed = pieces.map((piece) =>
    body?.push(typeof piece === 'string' ? new TextEncoder().encode(piece) : piece),
  )
  return passed.join('') + body?.end()
}

describe('JSON', () => {
  test('a list loses what is not allowed; other answers, and other texts, stay as they are', () => {
    expect(JSON.parse(run('application/json', [JSON.stringify(listing(1, 'read', 'write'))]))).toEqual(
      listing(1, 'read'),
    )
    for (const text of [
      JSON.stringify(listing(2, 'write'), null, 2),
      '{"id":1,"error":{}}',
      'no JSON',
      '',
      'null',
      '[]',
    ]) {
      expect(run('application/json', [text])).toBe(text)
    }
  })

  test('of a batch only the lists change', () => {
    const batch = [listing(1, 'write'), { id: 2, result: {} }, listing('b', 'read', 'x')]
    expect(JSON.parse(run('application/json; charset=utf-8', [JSON.stringify(batch)]))).toEqual([
      listing(1),
      { id: 2, result: {} },
      listing('b', 'read'),
    ])
  })
})

describe('an event stream', () => {
  const list = JSON.stringify(listing(1, 'read', 'write'))
  const kept = JSON.stringify(listing(1, 'read'))
  const whole = (end: string) => [': hello', 'id: 7', 'event: message', `data: ${list}`, '', ''].join(end)

  test.each([
    ['LF', '\n'],
    ['CR LF', '\r\n'],
    ['CR', '\r'],
  ])('with lines that end in %s, cut anywhere', (_, end) => {
    const bytes = new TextEncoder().encode(whole(end))
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const passed = run('text/event-stream', [bytes.slice(0, cut), bytes.slice(cut)])
      expect(passed.replaceAll(/\r\n|\r/g, '\n')).toBe(whole('\n').replace(list, kept))
    }
  })

  test('what is no data goes by at once, and an event as soon as it has ended', () => {
    const body = createBodyFilter({ type: 'text/event-stream', encoding: '' }, filter)
    const push = (text: string) => body?.push(new TextEncoder().encode(text))
    expect(push(': ping\n\n')).toBe(': ping\n\n')
    expect(push('data: {"a"')).toBe('')
    expect(push(':1}\n')).toBe('')
    expect(push('\n')).toBe('data: {"a":1}\n\n')
  })

  test('data in several lines is one text', () => {
    const [first = '', ...rest] = JSON.stringify(listing(1, 'read', 'write'), null, 1).split('\n')
    const lines = [first, ...rest].map((line) => `data:${line}`).join('\n')
    expect(run('text/event-stream', [`${lines}\n\n`])).toBe(`data: ${kept}\n\n`)
    expect(run('text/event-stream', ['data\ndata: x\n\n'])).toBe('data\ndata: x\n\n')
  })

  test('an event that never ended is filtered all the same', () => {
    expect(run('text/event-stream', [`data: ${list}`])).toBe(`data: ${kept}\n`)
  })
})

test('other answers are not touched, and compressed ones are refused', () => {
  expect(createBodyFilter({ type: 'text/html', encoding: 'gzip' }, filter)).toBeUndefined()
  expect(() => createBodyFilter({ type: 'application/json', encoding: 'br' }, filter)).toThrow(/compressed/)
})
