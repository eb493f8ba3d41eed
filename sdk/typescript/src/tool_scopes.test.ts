import { expect, test } from 'vitest'
import { createTestPlatform } from './testing/platform.ts'
import { ToolScopes } from './tool_scopes.ts'
import { ToolTable } from './tool_table.ts'

function createToolScopes() {
  const platform = createTestPlatform(async () => new Response())
  const table = new ToolTable(new Map([['read_*', ['files:read']]]))
  return { platform, tools: new ToolScopes(table, platform) }
}

test('the scopes of all that is called, in order', () => {
  const { platform, tools } = createToolScopes()
  expect(tools.findAll(['read_a', 'read_b'])).toEqual(['files:read', 'files:read'])
  expect(tools.findAll([])).toEqual([])
  expect(platform.warnings).toEqual([])
})

test('a tool that is not in the table is refused, and told once', () => {
  const { platform, tools } = createToolScopes()
  for (let call = 0; call < 3; call += 1) {
    expect(() => tools.findAll(['read_a', 'write_file'])).toThrow(/"write_file" may not be called/)
  }
  expect(platform.warnings).toEqual([expect.stringMatching(/the tool "write_file" was called.*toolScopes/)])
})

test('names that are made to fill or to forge a log do not', () => {
  const { platform, tools } = createToolScopes()
  const call = (name: string) => expect(() => tools.findAll([name])).toThrow()
  call(`x\n@auth-agent/mcp: all is well\u001b[2J${'y'.repeat(10_000)}`)
  for (let index = 0; index < 1_000; index += 1) call(`tool_${index}`)
  expect(platform.warnings).toHaveLength(100)
  expect(platform.warnings[0]).toMatch(/^[\x20-\x7e]{100,220}$/)
})
