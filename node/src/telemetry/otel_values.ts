// What the variables of OpenTelemetry admit here, by the names of its specification ("Environment Variable Specification").

/** It also knows gRPC, which is for another library. */
export const OTLP_PROTOCOLS = ['http/protobuf', 'http/json'] as const

export const TRACE_SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

/** A part of a whole. Throws what continues the sentence that the variable's name begins. */
export function parseRatio(text: string): number {
  if (!/^(0|1|[01]?\.\d+)$/.test(text.trim()) || Number(text) > 1)
    throw new Error('is no part of a whole: give a number from 0 to 1, such as 0.1')
  return Number(text)
}
