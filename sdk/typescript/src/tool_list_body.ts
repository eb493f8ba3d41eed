import type { ToolListFilter } from './tool_list_filter.ts'

/** What becomes of the body of an answer that lists tools, piece by piece. */
export interface BodyFilter {
  push(chunk: Uint8Array): string
  end(): string
}

/**
 * The filter for an answer of this type; undefined for what holds no messages.
 *
 * @throws Error where the answer is compressed: what cannot be filtered is not passed on
 */
export function createBodyFilter(
  headers: { type: string; encoding: string },
  filter: ToolListFilter,
): BodyFilter | undefined {
  const type = headers.type.toLowerCase()
  const isEventStream = type.startsWith('text/event-stream')
  if (!isEventStream && (filter.isForEventsOnly || !/^application\/(?:[^;]*\+)?json/.test(type)))
    return undefined
  if (headers.encoding !== '' && headers.encoding.toLowerCase() !== 'identity') {
    throw new Error(
      'The list of tools is compressed, so it cannot be filtered. Compress it before protect().',
    )
  }
  return isEventStream ? new EventStreamFilter(filter) : new JsonFilter(filter)
}

/** JSON is read whole: it has no earlier end. */
class JsonFilter implements BodyFilter {
  readonly #filter: ToolListFilter
  readonly #decoder = new TextDecoder()
  #text = ''

  constructor(filter: ToolListFilter) {
    this.#filter = filter
  }

  push(chunk: Uint8Array): string {
    this.#text += this.#decoder.decode(chunk, { stream: true })
    return ''
  }

  end(): string {
    return this.#filter.filter(this.#text + this.#decoder.decode())
  }
}

/**
 * The same for an event stream (WHATWG HTML §9.2.6), as it goes by: everything but the data of the event that is
 * under way is passed on at once.
 */
class EventStreamFilter implements BodyFilter {
  readonly #filter: ToolListFilter
  readonly #decoder = new TextDecoder()
  #rest = ''
  #data: string[] = []
  #raw = ''

  constructor(filter: ToolListFilter) {
    this.#filter = filter
  }

  push(chunk: Uint8Array): string {
    return this.#take(this.#decoder.decode(chunk, { stream: true }))
  }

  /** What is left. An event that did not end is none for its reader, and goes by the same rule. */
  end(): string {
    return this.#take(this.#decoder.decode()) + this.#take(this.#rest === '' ? '' : '\n') + this.#flush()
  }

  #take(text: string): string {
    this.#rest += text
    let passed = ''
    // A carriage return at the end may be half of a line's end.
    for (let end = findLineEnd(this.#rest); end !== undefined; end = findLineEnd(this.#rest)) {
      passed += this.#line(this.#rest.slice(0, end.start), this.#rest.slice(end.start, end.after))
      this.#rest = this.#rest.slice(end.after)
    }
    return passed
  }

  #line(line: string, lineEnd: string): string {
    const data = /^data(?:: ?|$)/.exec(line)
    if (data === null) return line === '' ? this.#flush() + lineEnd : line + lineEnd
    this.#data.push(line.slice(data[0].length))
    this.#raw += line + lineEnd
    return ''
  }

  #flush(): string {
    const text = this.#data.join('\n')
    const filtered = this.#filter.filter(text)
    const passed = filtered === text ? this.#raw : `data: ${filtered}\n`
    this.#data = []
    this.#raw = ''
    return passed
  }
}

function findLineEnd(text: string): { start: number; after: number } | undefined {
  const start = text.search(/[\r\n]/)
  if (start === -1) return undefined
  if (text[start] === '\n') return { start, after: start + 1 }
  if (start + 1 === text.length) return undefined
  return { start, after: text[start + 1] === '\n' ? start + 2 : start + 1 }
}
