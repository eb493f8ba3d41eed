import { AuthAgentError } from './errors.ts'
import type { Platform } from './platform.ts'
import { showText } from './shown_text.ts'
import type { ToolTable } from './tool_table.ts'

/** How much of a stranger's name is repeated. */
const SHOWN_NAME = 100
/** Names that the operator is told of; who calls tools at random fills no log. */
const TOLD_NAMES = 100

/** Which scopes a request needs, by the table of tools. */
export class ToolScopes {
  readonly #table: ToolTable
  readonly #platform: Platform
  readonly #told = new Set<string>()

  constructor(table: ToolTable, platform: Platform) {
    this.#table = table
    this.#platform = platform
  }

  /**
   * The scopes that calling these tools needs, in the order of the calls.
   *
   * @throws AuthAgentError `tool_not_allowed` for a tool that the table does not have
   */
  findAll(tools: readonly string[]): readonly string[] {
    return tools.flatMap((tool) => this.find(tool) ?? this.#refuse(tool))
  }

  /** The scopes that a call of this tool needs; undefined where nobody may call it. */
  find(tool: string): readonly string[] | undefined {
    return this.#table.find(tool)
  }

  /** Mostly it was forgotten in the table: the operator is told, once for each tool. */
  #refuse(tool: string): never {
    const shown = showText(tool, SHOWN_NAME)
    if (!this.#told.has(shown) && this.#told.size < TOLD_NAMES) {
      this.#told.add(shown)
      this.#platform.warn(
        `the tool ${shown} was called, which is not in toolScopes, and refused: add it there`,
      )
    }
    throw new AuthAgentError('tool_not_allowed', `The tool ${shown} may not be called here.`)
  }
}
