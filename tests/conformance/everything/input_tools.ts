import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  type ElicitInputParams,
  type InputRequests,
  inputRequired,
  inputResponse,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { answer, text } from './content.ts'
import { NAME_QUESTION, nameSchema, question, sample } from './questions.ts'

/** What the tools remember between two rounds. */
export type State = { round: number }

/**
 * Tools that ask the client for something before they answer (SEP-2322): `input_required` results on 2026-07-28, on
 * which the client calls again; requests of the server's own on older revisions, by the SDK's shim.
 */
export function registerInputTools(server: McpServer, state: RequestStateCodec<State>): void {
  registerOlderTools(server)
  server.registerTool(
    'test_input_required_result_elicitation',
    { description: 'Asks for a name' },
    ({ mcpReq }) => {
      const accepted = acceptedContent(mcpReq.inputResponses, 'user_name', nameSchema)
      if (accepted === undefined) return inputRequired({ inputRequests: { user_name: NAME_QUESTION } })
      return answer(text(`Hello, ${accepted.name}!`))
    },
  )
  server.registerTool(
    'test_input_required_result_sampling',
    { description: 'Asks the model' },
    ({ mcpReq }) => {
      const sampled = inputResponse(mcpReq.inputResponses, 'capital_question')
      if (sampled.kind === 'sampling') return answer(text(JSON.stringify(sampled.result.content)))
      return inputRequired({
        inputRequests: { capital_question: sample('What is the capital of France?', 100) },
      })
    },
  )
  server.registerTool(
    'test_input_required_result_list_roots',
    { description: 'Asks for roots' },
    ({ mcpReq }) => {
      const listed = inputResponse(mcpReq.inputResponses, 'client_roots')
      if (listed.kind === 'roots') return answer(text(listed.roots.map(({ uri }) => uri).join(', ')))
      return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
    },
  )
  for (const name of [
    'test_input_required_result_request_state',
    'test_input_required_result_tampered_state',
  ]) {
    server.registerTool(
      name,
      { description: 'Asks for consent, with a state that is sealed' },
      async ({ mcpReq }) => {
        if (mcpReq.requestState<State>() !== undefined) return answer(text('state-ok'))
        const confirm = question('Please confirm', { ok: { type: 'boolean' } })
        return inputRequired({ inputRequests: { confirm }, requestState: await state.mint({ round: 1 }) })
      },
    )
  }
  server.registerTool(
    'test_input_required_result_multiple_inputs',
    { description: 'Asks for a name, a greeting and roots at once' },
    async ({ mcpReq }) => {
      if (mcpReq.requestState<State>() !== undefined) return answer(text('Received everything.'))
      return inputRequired({
        inputRequests: {
          user_name: NAME_QUESTION,
          greeting: sample('Generate a greeting', 50),
          client_roots: inputRequired.listRoots(),
        },
        requestState: await state.mint({ round: 1 }),
      })
    },
  )
  server.registerTool(
    'test_input_required_result_multi_round',
    { description: 'Asks for a name, then for a color' },
    async ({ mcpReq }) => {
      const round = mcpReq.requestState<State>()?.round ?? 0
      if (round === 2) return answer(text('Received both.'))
      const inputRequests: InputRequests =
        round === 0
          ? { step1: question('Step 1: What is your name?', { name: { type: 'string' } }) }
          : { step2: question('Step 2: What is your favorite color?', { color: { type: 'string' } }) }
      return inputRequired({ inputRequests, requestState: await state.mint({ round: round + 1 }) })
    },
  )
  server.registerTool(
    'test_input_required_result_capabilities',
    { description: 'Asks only for what the client can do' },
    (context) => {
      const { elicitation, sampling } = capabilitiesOf(context)
      return inputRequired({
        inputRequests: {
          ...(elicitation && { user_name: NAME_QUESTION }),
          ...(sampling && { greeting: sample('Generate a greeting', 50) }),
        },
      })
    },
  )
  server.registerTool('test_missing_capability', { description: 'Needs sampling' }, () =>
    inputRequired({ inputRequests: { greeting: sample('Generate a greeting', 50) } }),
  )
  server.registerTool('test_streaming_elicitation', { description: 'Asks for a name' }, () =>
    inputRequired({ inputRequests: { user_name: NAME_QUESTION } }),
  )
}

/** Tools that the suite knows from revisions before 2026-07-28. */
function registerOlderTools(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { description: 'Asks the model', inputSchema: z.object({ prompt: z.string() }) },
    ({ prompt }, { mcpReq }) => {
      const sampled = inputResponse(mcpReq.inputResponses, 'answer')
      if (sampled.kind === 'sampling')
        return answer(text(`LLM response: ${JSON.stringify(sampled.result.content)}`))
      return inputRequired({ inputRequests: { answer: sample(prompt, 100) } })
    },
  )
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the user', inputSchema: z.object({ message: z.string() }) },
    ({ message }, context) =>
      ask(context, 'User response', {
        message,
        requestedSchema: {
          type: 'object',
          properties: {
            username: { type: 'string', description: "User's response" },
            email: { type: 'string', description: "User's email address" },
          },
          required: ['username', 'email'],
        },
      }),
  )
  server.registerTool(
    'test_elicitation_sep1034_defaults',
    { description: 'Asks the user, with defaults' },
    (context) =>
      ask(context, 'Elicitation completed', {
        message: 'Please review your profile.',
        requestedSchema: {
          type: 'object',
          properties: {
            name: { type: 'string', default: 'John Doe' },
            age: { type: 'integer', default: 30 },
            score: { type: 'number', default: 95.5 },
            status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
            verified: { type: 'boolean', default: true },
          },
        },
      }),
  )
  server.registerTool(
    'test_elicitation_sep1330_enums',
    { description: 'Asks the user to choose' },
    (context) =>
      ask(context, 'Elicitation completed', { message: 'Please choose.', requestedSchema: CHOICES }),
  )
}

const CHOICES: ElicitInputParams['requestedSchema'] = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: {
      type: 'string',
      oneOf: [
        { const: 'value1', title: 'First Option' },
        { const: 'value2', title: 'Second Option' },
        { const: 'value3', title: 'Third Option' },
      ],
    },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: {
      type: 'array',
      items: {
        anyOf: [
          { const: 'value1', title: 'First Choice' },
          { const: 'value2', title: 'Second Choice' },
          { const: 'value3', title: 'Third Choice' },
        ],
      },
    },
  },
}

function ask({ mcpReq }: ServerContext, label: string, params: ElicitInputParams) {
  const response = inputResponse(mcpReq.inputResponses, 'response')
  if (response.kind !== 'elicit') {
    return inputRequired({ inputRequests: { response: inputRequired.elicit(params) } })
  }
  return answer(text(`${label}: action=${response.action}, content=${JSON.stringify(response.content)}`))
}

const envelopeSchema = z.object({
  [CLIENT_CAPABILITIES_META_KEY]: z.object({
    elicitation: z.object({}).optional(),
    sampling: z.object({}).optional(),
  }),
})

function capabilitiesOf({ mcpReq }: ServerContext) {
  return envelopeSchema.parse(mcpReq.envelope)[CLIENT_CAPABILITIES_META_KEY]
}
