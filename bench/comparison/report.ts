import { median } from '../statistics.ts'
import type { Run } from './measure.ts'
import type { Work } from './subject.ts'

/** What the runs of a subject came to, in one work. */
export interface Outcome {
  subject: string
  /** In the order in which they were taken; those in which the other core was saturated do not count. */
  runs: readonly Run[]
}

/** Every figure of a work, a line for each subject; the medians of the runs. */
export function describeWork(work: Work, outcomes: readonly Outcome[]): string {
  const head = [
    '',
    'a second',
    'spread',
    'p50',
    'p99',
    'p99.9',
    'errors',
    'CPU',
    "PostgreSQL's",
    'other core idle',
    'memory',
    'runs',
  ]
  return [`\n### ${work}\n`, table(head, outcomes.map(describeOutcome))].join('\n')
}

function describeOutcome({ subject, runs: all }: Outcome): string[] {
  const runs = all.filter((run) => !run.isSaturated)
  const thrownAway = all.length - runs.length
  const of = (key: 'rate' | 'p50' | 'p99' | 'p999' | 'serverCpu' | 'databaseCpu' | 'otherIdle' | 'memory') =>
    median(runs.map((run) => run[key]))
  const rates = runs.map(({ rate }) => rate).sort((a, b) => a - b)
  const figure = (value: number, digits: number, unit: string) =>
    Number.isNaN(value) ? '–' : `${value.toFixed(digits)}${unit}`
  const milliseconds = (key: 'p50' | 'p99' | 'p999') => figure(of(key), 1, ' ms')
  return [
    subject,
    showRate(of('rate')),
    `${showRate(rates[0])} to ${showRate(rates.at(-1))}`,
    milliseconds('p50'),
    milliseconds('p99'),
    milliseconds('p999'),
    String(runs.reduce((sum, { errors }) => sum + errors, 0)),
    figure(of('serverCpu'), 0, ' µs'),
    figure(of('databaseCpu'), 0, ' µs'),
    figure(100 * of('otherIdle'), 0, '%'),
    figure(of('memory') / 1e6, 0, ' MB'),
    thrownAway === 0 ? String(runs.length) : `${runs.length}, ${thrownAway} thrown away`,
  ]
}

/**
 * The one table: a line for each work, a column for each subject, with the rate, and how many times as much the first of them does.
 */
export function describeAll(
  subjects: readonly string[],
  results: ReadonlyMap<Work, readonly Outcome[]>,
): string {
  const [first = ''] = subjects
  const rows = [...results].map(([work, outcomes]) => {
    const runsOf = (name: string) => outcomes.find(({ subject }) => subject === name)?.runs ?? []
    const cells = subjects.map((name) => {
      const runs = runsOf(name)
      if (runs.length === 0) return '–'
      const rate = showRate(median(runs.filter((run) => !run.isSaturated).map((run) => run.rate)))
      return name === first ? rate : `${rate} (${showRatio(medianRatio(runsOf(first), runs))})`
    })
    return [work, ...cells]
  })
  return table(['', ...subjects], rows)
}

/** Of runs that took turns: the ratio of each pair, and of these the median, so that what slows the machine down slows both. */
export function medianRatio(runs: readonly Run[], others: readonly Run[]): number {
  const ratios = runs.flatMap((run, index) => {
    const other = others[index]
    return other === undefined || run.isSaturated || other.isSaturated ? [] : [run.rate / other.rate]
  })
  return median(ratios)
}

function showRatio(ratio: number): string {
  // Of runs in which the other one got nothing done.
  if (!Number.isFinite(ratio)) return '–'
  return ratio < 2 ? `${(100 * ratio).toFixed(0)}%` : `${ratio.toFixed(1)} ×`
}

function showRate(rate = Number.NaN): string {
  if (Number.isNaN(rate)) return '–'
  return rate < 100 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
