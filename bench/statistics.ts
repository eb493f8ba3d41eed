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

/** The straight line through points by least squares: its slope, and the standard error of that. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): {
  slope: number
  error: number
} {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const meanX = mean(points.map(([x]) => x))
  const meanY = mean(points.map(([, y]) => y))
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread
  const residue = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0)
  return { slope, error: Math.sqrt(residue / (points.length - 2) / spread) }
}
