/** A sample of the text format of Prometheus. */
export interface Sample {
  name: string
  labels: Readonly<Record<string, string>>
  value: number
}

/** What a scrape says: the type of each metric, and its samples. */
export interface Scrape {
  types: ReadonlyMap<string, string>
  samples: readonly Sample[]
  /** The sum of a metric's samples that bear these labels. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y

/** Parses the text format, version 0.0.4, and throws at the first line that Prometheus would not take. */
export function parseScrape(text: string): Scrape {
  const types = new Map<string, string>()
  const samples: Sample[] = []
  const seen = new Set<string>()
  if (!text.endsWith('\n')) throw new Error('The last line does not end.')
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line) ?? []
    if (name !== undefined && type !== undefined) {
      if (types.has(name)) throw new Error(`${name} has two types.`)
      types.set(name, type)
    }
    if (line === '' || line.startsWith('# ')) continue
    const sample = parseSample(line)
    const base = sample.name.replace(/_(bucket|sum|count)$/, '')
    if (!types.has(sample.name) && types.get(base) !== 'histogram')
      throw new Error(`No type comes before: ${line}`)
    const key = line.slice(0, line.lastIndexOf(' '))
    if (seen.has(key)) throw new Error(`Twice: ${key}`)
    seen.add(key)
    samples.push(sample)
  }
  return { types, samples, sum: (name, labels = {}) => sumOf(samples, name, labels) }
}

function parseSample(line: string): Sample {
  const [, name, labelText = '', valueText] = SAMPLE.exec(line) ?? []
  const value = valueText === '+Inf' ? Infinity : valueText === 'Nan' ? Number.NaN : Number(valueText)
  if (name === undefined || (Number.isNaN(value) && valueText !== 'Nan'))
    throw new Error(`No sample: ${line}`)
  return { name, labels: parseLabels(labelText), value }
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  let end = 0
  for (let match = LABEL.exec(text); match !== null; match = LABEL.exec(text)) {
    labels[match[1] ?? ''] = match[2] ?? ''
    end = LABEL.lastIndex
  }
  if (end !== text.length) throw new Error(`No labels: ${text}`)
  return labels
}

function sumOf(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>>): number {
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0)
}
