import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { ServerContext } from '../context.ts'
import type { Organization } from '../storage/organizations.ts'
import { endNotAdmitted } from '../tokens/revocation.ts'
import { recordChange } from './audit.ts'
import type { ManagementEnv } from './authentication.ts'
import { notFound } from './errors.ts'
import { exactObject, jsonBody, readJsonBody } from './json_body.ts'
import { errorResponses, jsonResponse } from './responses.ts'
import { domainsSchema, nameSchema } from './server_schemas.ts'

const clientPolicy = z
  .union(
    [
      z.enum(['everyone', 'registered']),
      exactObject({ domains: domainsSchema.min(1, 'must list a domain') }),
    ],
    'must be everyone, registered, or {domains}',
  )
  .openapi({
    description:
      'Which clients may come in: everyone, registered ones only, or also those whose metadata document is at a listed domain.',
    example: { domains: ['claude.ai'] },
  })

const organizationOutput = z
  .object({
    organization_id: z.string(),
    name: z.string(),
    client_policy: z.union([z.enum(['everyone', 'registered']), z.object({ domains: z.array(z.string()) })]),
    created_at: z.iso.datetime(),
  })
  .openapi('Organization', {
    example: {
      organization_id: 'org_root',
      name: 'Example',
      client_policy: 'everyone',
      created_at: '2026-11-24T10:00:00.000Z',
    },
  })

const organizationChange = exactObject({
  name: nameSchema.optional(),
  client_policy: clientPolicy.optional(),
}).openapi('OrganizationChange')

const tags = ['Organisation']

const getOrganization = createRoute({
  method: 'get',
  path: '/',
  tags,
  summary: 'Read the organisation',
  responses: { 200: jsonResponse('The organisation.', organizationOutput), ...errorResponses() },
})
const patchOrganization = createRoute({
  method: 'patch',
  path: '/',
  tags,
  summary: 'Change the organisation',
  middleware: readJsonBody,
  request: { body: jsonBody(organizationChange) },
  responses: {
    200: jsonResponse('The organisation as it is now.', organizationOutput),
    ...errorResponses(413),
  },
})

/** The caller's organisation. */
export function organizationRoutes(context: ServerContext): OpenAPIHono<ManagementEnv> {
  const routes = new OpenAPIHono<ManagementEnv>()

  routes.openapi(getOrganization, async (c) => {
    const organization = await context.storage.findOrganization(c.var.manager.organizationId)
    if (organization === undefined) throw notFound('organisation')
    return c.json(fromOrganization(organization), 200)
  })
  routes.openapi(patchOrganization, async (c) => {
    const { name, client_policy } = c.req.valid('json')
    const organization = await context.storage.changeOrganization(c.var.manager.organizationId, {
      ...(name !== undefined && { name }),
      ...(client_policy !== undefined && toPolicy(client_policy)),
    })
    if (organization === undefined) throw notFound('organisation')
    if (client_policy !== undefined) await endNotAdmitted(context, organization.id)
    await recordChange(context, c.var.manager, {
      type: 'organization.changed',
      detail: { name, client_policy },
    })
    return c.json(fromOrganization(organization), 200)
  })
  return routes
}

function toPolicy(
  policy: z.infer<typeof clientPolicy>,
): Pick<Organization, 'client_policy' | 'client_domains'> {
  if (typeof policy === 'string') return { client_policy: policy, client_domains: [] }
  return { client_policy: 'domains', client_domains: [...new Set(policy.domains)] }
}

function fromOrganization(organization: Organization): z.infer<typeof organizationOutput> {
  const { id, name, client_policy, client_domains, created_at } = organization
  return {
    organization_id: id,
    name,
    client_policy: client_policy === 'domains' ? { domains: [...client_domains] } : client_policy,
    created_at: created_at.toISOString(),
  }
}
