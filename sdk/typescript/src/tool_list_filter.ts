import { isObject, type JsonObject, parseJson } from './json_request.ts'

/** Leaves out of answers to `tools/list` what the token does not allow. */
export class ToolListFilter {
  readonly #ids: ReadonlySet<unknown> | undefined
  readonly #isAllowed: (tool: string) => boolean

  constructor(listIds: readonly (string | number)[] | 'any', isAllowed: (tool: string) => boolean) {
    this.#ids = listIds === 'any' ? undefined : new Set(listIds)
    this.#isAllowed = isAllowed
  }

  /** Whether it is for a stream of events only, which the answer to a request need not be. */
  get isForEventsOnly(): boolean {
    return this.#ids === undefined
  }

  /** The text of a message, or of a batch; the same text where there is nothing to leave out. */
  filter(text: string): string {
    const value = parseJson(text)
    const messages: readonly unknown[] = Array.isArray(value) ? value : [value]
    const filtered = messages.map((message) =>
      this.#isListing(message) ? this.#filterListing(message) : message,
    )
    if (filtered.every((message, index) => message === messages[index])) return text
    return JSON.stringify(Array.isArray(value) ? filtered : filtered[0])
  }

  #isListing(
    message: unknown,
  ): message is JsonObject & { result: JsonObject & { tools: readonly unknown[] } } {
    if (!isObject(message) || this.#ids?.has(message['id']) === false) return false
    return isObject(message['result']) && Array.isArray(message['result']['tools'])
  }

  #filterListing(message: JsonObject & { result: JsonObject & { tools: readonly unknown[] } }): JsonObject {
    const { result } = message
    const tools = result.tools.filter(
      (tool) => isObject(tool) && typeof tool['name'] === 'string' && this.#isAllowed(tool['name']),
    )
    return tools.length === result.tools.length ? message : { ...message, result: { ...result, tools } }
  }
}
