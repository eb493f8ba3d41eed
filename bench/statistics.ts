/** Median, 99th percentile and maximum of some figures, as one line. */
export function statistics(figures: readonly number[], unit: string): string {
  const sorted = [...figures].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0
  const show = (figure: number) => `${figure.toFixed(0)} ${unit}`
  return `median ${show(at(0.5))}, 99% ${show(at(0.99))}, longest ${show(at(1))}`
}

/** The one in the middle. */
export function median(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN
}
