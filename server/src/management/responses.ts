import { z } from '@hono/zod-openapi'

const errorSchema = z
  .object({
    error: z.string().openapi({ description: 'A code for programs.' }),
    error_description: z.string().openapi({ description: 'A sentence for the developer.' }),
  })
  .openapi('Error')

const ERRORS = {
  400: ['The request is malformed.', 'invalid_request', 'server_name is missing.'],
  401: ['There is no credential, or it is not valid.', 'invalid_token', 'The access token has expired.'],
  403: [
    'The credential is valid, but does not allow this.',
    'access_denied',
    'Only an owner or an administrator of the organisation may do this.',
  ],
  404: ['The organisation has nothing of that id.', 'not_found', 'There is no such MCP server.'],
  409: ['It conflicts with what is there.', 'conflict', 'Another MCP server is registered for this address.'],
  413: [
    'The body is larger than 64 KiB.',
    'request_too_large',
    'The request body is larger than 65536 bytes.',
  ],
  503: [
    'The database cannot be reached; try again after Retry-After.',
    'temporarily_unavailable',
    'The database cannot be reached.',
  ],
} as const

type ErrorStatus = keyof typeof ERRORS

interface ErrorResponse {
  description: string
  content: { 'application/json': { schema: typeof errorSchema; example: z.infer<typeof errorSchema> } }
}

/** Descriptions of the errors that every endpoint can answer, and of these. */
export function errorResponses<Status extends ErrorStatus = never>(
  ...statuses: Status[]
): Record<Status | 400 | 401 | 403 | 503, ErrorResponse> {
  const all = [...statuses, 400, 401, 403, 503] as const
  return Object.fromEntries(all.map((status) => [status, errorResponse(status)])) as Record<
    (typeof all)[number],
    ErrorResponse
  >
}

function errorResponse(status: ErrorStatus): ErrorResponse {
  const [description, error, error_description] = ERRORS[status]
  return {
    description,
    content: { 'application/json': { schema: errorSchema, example: { error, error_description } } },
  }
}

/** Describes an answer in JSON. */
export function jsonResponse<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } }
}
