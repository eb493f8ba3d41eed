import { fromJsonSchema, type McpServer } from '@modelcontextprotocol/server'
import { answer, audio, embedded, image, text } from './content.ts'

/** Tools that answer with each kind of content, and one whose schema uses what JSON Schema 2020-12 added. */
export function registerContentTools(server: McpServer): void {
  server.registerTool('test_simple_text', { description: 'Answers with text' }, () =>
    answer(text('This is a simple text response for testing.')),
  )
  server.registerTool('test_image_content', { description: 'Answers with an image' }, () => answer(image))
  server.registerTool('test_audio_content', { description: 'Answers with a sound' }, () => answer(audio))
  server.registerTool('test_embedded_resource', { description: 'Answers with a resource' }, () =>
    answer(embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')),
  )
  server.registerTool(
    'test_multiple_content_types',
    { description: 'Answers with text, an image and a resource' },
    () =>
      answer(
        text('Multiple content types test:'),
        image,
        embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
      ),
  )
  server.registerTool('test_error_handling', { description: 'Always fails' }, () => {
    throw new Error('This tool intentionally returns an error for testing')
  })
  server.registerTool(
    'json_schema_2020_12_tool',
    {
      description: 'Takes an address by a schema of JSON Schema 2020-12',
      inputSchema: fromJsonSchema<Record<string, unknown>>(ADDRESS_SCHEMA),
    },
    (args) => answer(text(JSON.stringify(args))),
  )
  server.registerTool(
    'test_header_parameter',
    {
      description: 'Takes a region that clients repeat in the header Mcp-Param-Region (SEP-2243)',
      inputSchema: fromJsonSchema<{ region: string }>(REGION_SCHEMA),
    },
    ({ region }) => answer(text(region)),
  )
}

const REGION_SCHEMA = {
  type: 'object' as const,
  properties: { region: { type: 'string' as const, 'x-mcp-header': 'Region' } },
  required: ['region'],
}

const ADDRESS_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object' as const,
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object' as const,
      properties: { street: { type: 'string' as const }, city: { type: 'string' as const } },
    },
  },
  properties: {
    name: { type: 'string' as const },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string' as const, enum: ['phone', 'email'] },
    phone: { type: 'string' as const },
    email: { type: 'string' as const },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
}
