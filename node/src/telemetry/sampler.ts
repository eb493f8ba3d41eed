import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'

/** Which requests are traced, by OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG; all of them without. */
export function readSampler(env: Readonly<Record<string, string | undefined>>): Sampler {
  const [, parentBased, name] = /^(parentbased_)?(\w+)$/.exec(env['OTEL_TRACES_SAMPLER'] ?? '') ?? []
  const root = rootSampler(name, env['OTEL_TRACES_SAMPLER_ARG'])
  return name === undefined || parentBased !== undefined ? new ParentBasedSampler({ root }) : root
}

function rootSampler(name: string | undefined, ratio: string | undefined): Sampler {
  if (name === 'always_off') return new AlwaysOffSampler()
  if (name === 'traceidratio') return new TraceIdRatioBasedSampler(ratio === undefined ? 1 : Number(ratio))
  return new AlwaysOnSampler()
}
