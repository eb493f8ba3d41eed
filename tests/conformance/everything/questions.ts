import { type ElicitRequestFormParams, type InputRequest, inputRequired } from '@modelcontextprotocol/server'
import { z } from 'zod'

type Properties = ElicitRequestFormParams['requestedSchema']['properties']

export const nameSchema = z.object({ name: z.string() })
export const NAME_QUESTION = question('What is your name?', { name: { type: 'string' } })

/** Asks the user for everything that is listed. */
export function question(message: string, properties: Properties): InputRequest {
  const requestedSchema = { type: 'object' as const, properties, required: Object.keys(properties) }
  return inputRequired.elicit({ message, requestedSchema })
}

/** Asks the client's model. */
export function sample(prompt: string, maxTokens: number): InputRequest {
  return inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: prompt } }],
    maxTokens,
  })
}
