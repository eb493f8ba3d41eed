// How a runtime reads its environment: a schema of variables, and the first value that makes no sense as a sentence.
import { z } from 'zod'

/** A value that makes no sense, as one sentence: which variable, why, and what would do. */
export class EnvironmentError extends Error {}

/**
 * A variable that a function of `environment_values.ts` reads.
 *
 * @param missing what to say where it is required and is not there
 */
export function variable<Value>(rule: (text: string) => Value, missing = 'is missing') {
  return z.string({ error: missing }).transform((text, context): Value => {
    try {
      return rule(text)
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message })
      return z.NEVER
    }
  })
}

/**
 * Reads what is given by a schema of variables.
 *
 * @throws EnvironmentError
 */
export function readVariables<Schema extends z.ZodObject>(
  schema: Schema,
  given: readonly (readonly [string, unknown])[],
): z.output<Schema> {
  const parsed = schema.safeParse(Object.fromEntries(given))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new EnvironmentError(`${String(issue?.path[0])} ${issue?.message}.`)
}

/**
 * The first owner, or undefined where the environment names none.
 *
 * @throws EnvironmentError where one of both is missing
 */
export function toOwner(values: {
  AUTH_AGENT_OWNER_EMAIL?: string | undefined
  AUTH_AGENT_OWNER_PASSWORD?: string | undefined
}): { email: string; password: string } | undefined {
  const { AUTH_AGENT_OWNER_EMAIL: email, AUTH_AGENT_OWNER_PASSWORD: password } = values
  if (email !== undefined && password !== undefined) return { email, password }
  if (email === undefined && password === undefined) return undefined
  const [missing, given] = email === undefined ? ['EMAIL', 'PASSWORD'] : ['PASSWORD', 'EMAIL']
  throw new EnvironmentError(
    `AUTH_AGENT_OWNER_${missing} is missing beside AUTH_AGENT_OWNER_${given}: set both, or neither.`,
  )
}

/**
 * What several variables say together, by a rule whose refusals are sentences.
 *
 * @throws EnvironmentError
 */
export function readTogether<Value>(rule: () => Value): Value {
  try {
    return rule()
  } catch (error) {
    throw new EnvironmentError((error as Error).message)
  }
}
