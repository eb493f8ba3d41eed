import { expect, test } from 'vitest'
import { ToolTable } from './tool_table.ts'

const table = (entries: Record<string, string[]>) => new ToolTable(new Map(Object.entries(entries)))

test('an exact name wins over patterns, the longer pattern over others, the first among equals', () => {
  const tools = table({
    '*': ['any'],
    'files_*': ['files'],
    '*_file': ['file'],
    files_read: ['exact'],
    'b*': ['1'],
    '*a': ['2'],
  })
  expect(tools.find('files_read')).toEqual(['exact'])
  expect(tools.find('files_write')).toEqual(['files'])
  expect(tools.find('files_file')).toEqual(['files'])
  expect(tools.find('read_file')).toEqual(['file'])
  expect(tools.find('ba')).toEqual(['1'])
  expect(tools.find('')).toEqual(['any'])
})

test('an asterisk stands for any characters, none included, and for nothing else', () => {
  const tools = table({ 'a*b*c': [], 'x**y': [], 'd.t': [] })
  for (const name of ['abc', 'a1b2c', 'abbc', 'a*b*c', 'a\nb\nc', 'xy', 'x1y'])
    expect(tools.find(name)).toEqual([])
  for (const name of ['ab', 'ac', 'abcd', 'acb', 'bc', 'dot', 'x', 'ABC'])
    expect(tools.find(name)).toBeUndefined()
  expect(table({ 'ab*ba': [] }).find('aba')).toBeUndefined()
})

test('names of Object are in no table, and may be in one', () => {
  for (const name of ['constructor', '__proto__', 'toString'])
    expect(table({ a: [] }).find(name)).toBeUndefined()
  expect(table({ constructor: ['x'] }).find('constructor')).toEqual(['x'])
})

test('a name that is made to take long does not take longer than a test may', () => {
  expect(table({ '*a*a*a*a*a*a*a*a*b': [] }).find('a'.repeat(1_000_000))).toBeUndefined()
})
