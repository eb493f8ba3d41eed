import { z } from '@hono/zod-openapi'
import { isReservedScope, isScopeName } from '../checks/scope.ts'
import { emailAddressSchema } from '../sign_in/email_address.ts'
import { exactObject } from './json_body.ts'

/** A name that people read: one line without control characters. */
export const nameSchema = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(120)
  .regex(/^\P{Cc}*$/u, 'must be one line without control characters')

const scopeName = z
  .string()
  .max(100)
  .refine(
    isScopeName,
    'is no scope name: printable ASCII without spaces, double quotes and backslashes (RFC 6749 section 3.3)',
  )
  .refine(
    (name) => !isReservedScope(name),
    'is a scope of the authorization server itself; choose another name',
  )
  .openapi({ example: 'files:read' })

const scopeObject = exactObject({
  name: scopeName,
  description: z.string().trim().min(1).max(300).optional().openapi({
    description: 'What the consent page says that it allows.',
    example: 'Read your files',
  }),
  default: z.boolean().optional().openapi({
    description: 'Whether a request that names no scope gets it. Where none is marked, it gets all.',
  }),
})

const scopeSchema = z.union([scopeName, scopeObject], 'must be a name or {name, description}')

export const scopesSchema = z
  .array(scopeSchema)
  .min(1, 'must name one scope or more')
  .max(100)
  .refine(
    (scopes) =>
      new Set(scopes.map((scope) => (typeof scope === 'string' ? scope : scope.name))).size === scopes.length,
    'must name each scope once',
  )
  .openapi({ example: ['files:read', { name: 'files:write', description: 'Change your files' }] })

export const identitySchema = z
  .array(z.enum(['email']))
  .max(1)
  .openapi({
    description: 'What the server learns of a person beyond an opaque id. The consent page says so.',
  })

const domainSchema = z
  .string()
  .toLowerCase()
  .max(253)
  .regex(/^(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+$/, 'must be a domain such as example.com')
  .openapi({ example: 'example.com' })

/** A list of domains, in lower case. */
export const domainsSchema = z.array(domainSchema).max(1000)

const accessList = exactObject({
  emails: z.array(emailAddressSchema).max(1000).optional(),
  domains: domainsSchema.optional(),
}).refine(
  ({ emails = [], domains = [] }) => emails.length + domains.length > 0,
  'must list an e-mail address or a domain in emails or domains',
)

export const accessSchema = z
  .union([z.enum(['members', 'everyone']), accessList], 'must be members, everyone, or {emails, domains}')
  .openapi({
    description:
      "Who may use the server: the organisation's members, everyone with an account, or people on a list.",
    example: { domains: ['example.com'] },
  })

const descriptionSchema = z
  .string()
  .trim()
  .max(1000)
  .regex(/^[\P{Cc}\n]*$/u, 'must not contain control characters')

const logoUrlSchema = z.url({ protocol: /^https$/, error: 'must be an https URL' }).max(500)

/** What is sent to register a server. */
export const serverInput = exactObject({
  server_url: z.string().openapi({
    description:
      'Its address: https, or http on loopback. It is the audience of every token, as it is written here.',
    example: 'https://mcp.example.com/mcp',
  }),
  server_name: nameSchema.openapi({ example: 'Example files' }),
  scopes: scopesSchema,
  description: descriptionSchema.nullish(),
  logo_url: logoUrlSchema.nullish(),
  identity: identitySchema.default(['email']),
  access: accessSchema.default('members'),
}).openapi('NewServer')

/** What is sent to change a server: what is left out stays as it is. */
export const serverChange = exactObject({
  server_url: z
    .string()
    .optional()
    .openapi({ description: 'A new address ends every access to the old one.' }),
  server_name: nameSchema.optional(),
  scopes: scopesSchema.optional(),
  description: descriptionSchema.nullish(),
  logo_url: logoUrlSchema.nullish(),
  identity: identitySchema.optional(),
  access: accessSchema.optional().openapi({ description: 'A change ends what it does not allow any more.' }),
}).openapi('ServerChange')

/** A server as the API answers it. */
export const serverOutput = z
  .object({
    server_id: z.string().openapi({ example: 'srv_k3vqk5yw2c7m4d6r5t2a7xj3n4' }),
    server_url: z.string(),
    server_name: z.string(),
    scopes: z.array(
      z.union([
        z.string(),
        z.object({ name: z.string(), description: z.string().optional(), default: z.boolean().optional() }),
      ]),
    ),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    description: z.string().nullable(),
    logo_url: z.string().nullable(),
    identity: z.array(z.string()),
    access: z.union([
      z.enum(['members', 'everyone']),
      z.object({ emails: z.array(z.string()), domains: z.array(z.string()) }),
    ]),
  })
  .openapi('Server', {
    example: {
      server_id: 'srv_k3vqk5yw2c7m4d6r5t2a7xj3n4',
      server_url: 'https://mcp.example.com/mcp',
      server_name: 'Example files',
      scopes: ['files:read', { name: 'files:write', description: 'Change your files' }],
      created_at: '2026-11-24T10:00:00.000Z',
      updated_at: '2026-11-24T10:00:00.000Z',
      description: null,
      logo_url: null,
      identity: ['email'],
      access: 'members',
    },
  })

export const serverIdParam = z.object({
  server_id: z
    .string()
    .regex(/^srv_\w{1,64}$/)
    .openapi({ example: 'srv_k3vqk5yw2c7m4d6r5t2a7xj3n4' }),
})
