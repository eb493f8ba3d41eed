import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { ServerContext } from '../context.ts'
import { emailAddressSchema } from '../sign_in/email_address.ts'
import { invite } from '../sign_in/invitation.ts'
import type { StoredInvitation } from '../storage/invitations.ts'
import { recordChange } from './audit.ts'
import type { ManagementEnv } from './authentication.ts'
import { notFound } from './errors.ts'
import { exactObject, jsonBody, readJsonBody } from './json_body.ts'
import { checkMayGive, roleSchema } from './members.ts'
import { nextCursor, pageQuery, readPage, takePage } from './pagination.ts'
import { errorResponses, jsonResponse } from './responses.ts'

const invitationInput = exactObject({
  email: emailAddressSchema.meta({ example: 'ada@example.com' }),
  role: roleSchema.default('member'),
}).openapi('NewInvitation')

const fields = {
  invitation_id: z.string(),
  email: z.string(),
  role: roleSchema,
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
}
const example = {
  invitation_id: 'inv_k3vqk5yw2c7m4d6r5t2a7xj3n4',
  email: 'ada@example.com',
  role: 'member',
  created_at: '2026-11-24T10:00:00.000Z',
  expires_at: '2026-12-01T10:00:00.000Z',
} as const

const invitationCreated = z
  .object({
    ...fields,
    link: z.string().optional().openapi({
      description: 'To be handed over, where this deployment sends no mail. It is shown this once.',
    }),
  })
  .openapi('InvitationWithLink', { example })
const invitationOutput = z
  .object({ ...fields, accepted_at: z.iso.datetime().nullable() })
  .openapi('Invitation', { example: { ...example, accepted_at: null } })

const tags = ['Members']

const createInvitation = createRoute({
  method: 'post',
  path: '/',
  tags,
  summary: 'Invite somebody',
  middleware: readJsonBody,
  request: { body: jsonBody(invitationInput) },
  responses: {
    201: jsonResponse('The invitation; it replaces an earlier one of the same address.', invitationCreated),
    ...errorResponses(409, 413),
  },
})
const listInvitations = createRoute({
  method: 'get',
  path: '/',
  tags,
  summary: 'List the invitations',
  request: { query: pageQuery },
  responses: {
    200: jsonResponse(
      'The invitations in the order in which they were made.',
      z.object({ invitations: z.array(invitationOutput), next_cursor: nextCursor }),
    ),
    ...errorResponses(),
  },
})
const deleteInvitation = createRoute({
  method: 'delete',
  path: '/{invitation_id}',
  tags,
  summary: 'Take back an invitation that was not accepted',
  request: {
    params: z.object({
      invitation_id: z
        .string()
        .regex(/^inv_\w{1,64}$/)
        .openapi({ example: example.invitation_id }),
    }),
  },
  responses: { 204: { description: 'It is taken back.' }, ...errorResponses(404) },
})

/** The invitations into an organisation. */
export function invitationRoutes(context: ServerContext): OpenAPIHono<ManagementEnv> {
  const routes = new OpenAPIHono<ManagementEnv>()

  routes.openapi(createInvitation, async (c) => {
    const { organizationId, userId } = c.var.manager
    const { email, role } = c.req.valid('json')
    checkMayGive(c.var.manager, role)
    const { id, link } = await invite(context, { organizationId, email, role, invitedBy: userId })
    const stored = await context.storage.findOwnInvitation(organizationId, id)
    if (stored === undefined) throw notFound('invitation')
    const { accepted_at: _, ...created } = fromInvitation(stored)
    return c.json({ ...created, ...(link !== undefined && { link }) }, 201)
  })
  routes.openapi(listInvitations, async (c) => {
    const page = readPage(c.req.valid('query'))
    const invitations = await context.storage.listInvitations(c.var.manager.organizationId, page)
    const { rows, ...cursor } = takePage(invitations, page, (invitation) => invitation)
    return c.json({ invitations: rows.map(fromInvitation), ...cursor }, 200)
  })
  routes.openapi(deleteInvitation, async (c) => {
    const { organizationId } = c.var.manager
    const { invitation_id } = c.req.valid('param')
    if (!(await context.storage.removeInvitation(organizationId, invitation_id))) throw notFound('invitation')
    await recordChange(context, c.var.manager, { type: 'invitation.removed', detail: { id: invitation_id } })
    return c.body(null, 204)
  })
  return routes
}

function fromInvitation(invitation: StoredInvitation): z.infer<typeof invitationOutput> {
  return {
    invitation_id: invitation.id,
    email: invitation.email,
    role: invitation.role,
    created_at: invitation.created_at.toISOString(),
    expires_at: invitation.expires_at.toISOString(),
    accepted_at: invitation.accepted_at?.toISOString() ?? null,
  }
}
