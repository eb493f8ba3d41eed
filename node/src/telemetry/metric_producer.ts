import type { Attributes, HrTime } from '@opentelemetry/api'
import { ValueType } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'
import type { Registry } from 'prom-client'

type Counted = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number]
type Value = Counted['values'][number] & { metricName?: string }
type Times = Pick<DataPoint<number>, 'startTime' | 'endTime'>

/** What prom-client has counted since now, for OpenTelemetry's SDK to send, under the same names and labels. */
export function producerOf(registry: Registry, resource: Resource): MetricProducer {
  const startTime = timeOf(Date.now())
  return {
    async collect() {
      const times = { startTime, endTime: timeOf(Date.now()) }
      const metrics = (await registry.getMetricsAsJSON()).map((counted) => toMetricData(counted, times))
      return {
        resourceMetrics: { resource, scopeMetrics: [{ scope: { name: 'auth-agent' }, metrics }] },
        errors: [],
      }
    },
  }
}

function toMetricData(counted: Counted, times: Times): MetricData {
  const type = String(counted.type)
  const base = {
    descriptor: {
      name: counted.name,
      description: counted.help,
      unit: unitOf(counted.name),
      valueType: ValueType.DOUBLE,
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  if (type === 'histogram') {
    return {
      ...base,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: histogramsOf(counted.values, times),
    }
  }
  const dataPoints = counted.values.map(({ labels, value }) => ({
    ...times,
    attributes: attributesOf(labels),
    value,
  }))
  return type === 'counter'
    ? { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
    : { ...base, dataPointType: DataPointType.GAUGE, dataPoints }
}

/** UCUM, as OpenTelemetry wants it. */
function unitOf(name: string): string {
  if (/_seconds(_total)?$/.test(name)) return 's'
  return name.endsWith('_bytes') ? 'By' : ''
}

/** Prometheus has a line for each bucket, which counts those below as well; here it is one point whose buckets are apart. */
function histogramsOf(values: readonly Value[], times: Times): DataPoint<Histogram>[] {
  const grouped = Map.groupBy(values, ({ labels }) => JSON.stringify(attributesOf(labels)))
  return [...grouped.values()].map((lines) => ({
    ...times,
    attributes: attributesOf(lines[0]?.labels ?? {}),
    value: toHistogram(lines),
  }))
}

function toHistogram(lines: readonly Value[]): Histogram {
  const buckets = lines.filter(({ metricName }) => metricName?.endsWith('_bucket'))
  const totals = buckets.map(({ value }) => value)
  const find = (suffix: string) => lines.find(({ metricName }) => metricName?.endsWith(suffix))?.value ?? 0
  return {
    buckets: {
      boundaries: buckets.slice(0, -1).map(({ labels }) => Number(attributesOf(labels, [])['le'])),
      counts: totals.map((total, n) => total - (totals[n - 1] ?? 0)),
    },
    sum: find('_sum'),
    count: find('_count'),
  }
}

function attributesOf(labels: object, without: readonly string[] = ['le']): Attributes {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !without.includes(name)))
}

function timeOf(milliseconds: number): HrTime {
  return [Math.floor(milliseconds / 1000), (milliseconds % 1000) * 1_000_000]
}
