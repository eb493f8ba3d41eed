import { AuthAgentError } from './errors.ts'
import type { ToolTable } from './tool_table.ts'

/** How much of a stranger's name is repeated to him. */
const SHOWN_NAME = 100

/**
 * The scopes that calling these tools needs, in the order of the calls.
 *
 * @throws AuthAgentError `tool_not_allowed` for a tool that the table does not have
 */
export function scopesOfTools(tools: readonly string[], table: ToolTable): readonly string[] {
  return tools.flatMap((tool) => table.find(tool) ?? refuse(tool))
}

function refuse(tool: string): never {
  const shown = JSON.stringify(tool.slice(0, SHOWN_NAME))
  throw new AuthAgentError('tool_not_allowed', `The tool ${shown} may not be called here.`)
}
