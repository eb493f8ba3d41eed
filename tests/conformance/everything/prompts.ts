import {
  acceptedContent,
  completable,
  type GetPromptResult,
  inputRequired,
  type McpServer,
  type PromptMessage,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { embedded, image, text } from './content.ts'
import { question } from './questions.ts'

const contextSchema = z.object({ context: z.string() })
const WORDS = ['paris', 'park', 'party', 'test']

export function registerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'Has no arguments' }, () =>
    prompt(text('This is a simple prompt for testing.')),
  )
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'Has two arguments',
      argsSchema: z.object({
        arg1: completable(z.string(), (value) => WORDS.filter((word) => word.startsWith(value))),
        arg2: z.string(),
      }),
    },
    ({ arg1, arg2 }) => prompt(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  )
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'Holds a resource', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) =>
      prompt(
        embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
        text('Please process the embedded resource above.'),
      ),
  )
  server.registerPrompt('test_prompt_with_image', { description: 'Holds an image' }, () =>
    prompt(image, text('Please analyze the image above.')),
  )
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'Asks for a context' },
    ({ mcpReq }) => {
      const accepted = acceptedContent(mcpReq.inputResponses, 'user_context', contextSchema)
      if (accepted !== undefined) return prompt(text(`Context: ${accepted.context}`))
      const user_context = question('What context should the prompt use?', { context: { type: 'string' } })
      return inputRequired({ inputRequests: { user_context } })
    },
  )
}

function prompt(...content: PromptMessage['content'][]): GetPromptResult {
  return { messages: content.map((one) => ({ role: 'user', content: one })) }
}
