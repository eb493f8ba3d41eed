import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { Member } from '../storage/members.ts'
import type { Role } from '../storage/memberships.ts'
import type { Tables } from '../storage/storage.ts'
import { endDisallowed } from '../tokens/revocation.ts'
import { recordChange } from './audit.ts'
import type { ManagementEnv, Manager } from './authentication.ts'
import { notFound } from './errors.ts'
import { exactObject, jsonBody, readJsonBody } from './json_body.ts'
import { nextCursor, pageQuery, readPage, takePage } from './pagination.ts'
import { errorResponses, jsonResponse } from './responses.ts'

export const roleSchema = z.enum(['owner', 'admin', 'member']).openapi({
  description: 'Owners and administrators manage the organisation; only owners make and unmake owners.',
})

const memberOutput = z
  .object({ user_id: z.string(), email: z.string(), role: roleSchema, created_at: z.iso.datetime() })
  .openapi('Member', {
    example: {
      user_id: 'usr_k3vqk5yw2c7m4d6r5t2a7xj3n4',
      email: 'ada@example.com',
      role: 'member',
      created_at: '2026-11-24T10:00:00.000Z',
    },
  })

const memberParam = z.object({
  user_id: z
    .string()
    .regex(/^usr_\w{1,64}$/)
    .openapi({ example: 'usr_k3vqk5yw2c7m4d6r5t2a7xj3n4' }),
})

const tags = ['Members']

const listMembers = createRoute({
  method: 'get',
  path: '/',
  tags,
  summary: 'List the members',
  request: { query: pageQuery },
  responses: {
    200: jsonResponse(
      'The members in the order in which they came.',
      z.object({ members: z.array(memberOutput), next_cursor: nextCursor }),
    ),
    ...errorResponses(),
  },
})
const patchMember = createRoute({
  method: 'patch',
  path: '/{user_id}',
  tags,
  summary: "Change a member's role",
  middleware: readJsonBody,
  request: { params: memberParam, body: jsonBody(exactObject({ role: roleSchema }).openapi('MemberChange')) },
  responses: {
    200: jsonResponse('The member as it is now.', memberOutput),
    ...errorResponses(404, 409, 413),
  },
})
const deleteMember = createRoute({
  method: 'delete',
  path: '/{user_id}',
  tags,
  summary: 'Remove a member, and the access that only members have',
  request: { params: memberParam },
  responses: { 204: { description: 'It is removed.' }, ...errorResponses(404, 409) },
})

/** The people of an organisation. */
export function memberRoutes(context: ServerContext): OpenAPIHono<ManagementEnv> {
  const routes = new OpenAPIHono<ManagementEnv>()

  routes.openapi(listMembers, async (c) => {
    const page = readPage(c.req.valid('query'))
    const members = await context.storage.listMembers(c.var.manager.organizationId, page)
    const { rows, ...cursor } = takePage(members, page, ({ created_at, user_id }) => ({
      created_at,
      id: user_id,
    }))
    return c.json({ members: rows.map(fromMember), ...cursor }, 200)
  })
  routes.openapi(patchMember, async (c) => {
    const { manager } = c.var
    const { user_id } = c.req.valid('param')
    const { role } = c.req.valid('json')
    checkMayGive(manager, role)
    const member = await context.storage.transaction(async (tables) => {
      const found = await checkMayChange(tables, manager, user_id, role)
      await tables.changeMemberRole(manager.organizationId, user_id, role)
      return found
    })
    const detail = { member: user_id, role, former_role: member.role }
    await recordChange(context, manager, { type: 'member.role_changed', detail })
    return c.json(fromMember({ ...member, role }), 200)
  })
  routes.openapi(deleteMember, async (c) => {
    const { manager } = c.var
    const { user_id } = c.req.valid('param')
    await context.storage.transaction(async (tables) => {
      await checkMayChange(tables, manager, user_id, undefined)
      await tables.removeMember(manager.organizationId, user_id)
    })
    await endAccessOfFormerMembers(context, manager.organizationId)
    await recordChange(context, manager, { type: 'member.removed', detail: { member: user_id } })
    return c.body(null, 204)
  })
  return routes
}

/** Administrators make no owners: else each could make himself one. */
export function checkMayGive(manager: Manager, role: Role): void {
  if (role === 'owner' && manager.role !== 'owner') {
    throw new OAuthError('access_denied', 'Only an owner may make somebody an owner.', { status: 403 })
  }
}

/** Checks that a manager may give a member another role, or none. */
async function checkMayChange(
  tables: Tables,
  manager: Manager,
  userId: string,
  role: Role | undefined,
): Promise<Member> {
  // Locks the owners before anything is read, so that what is checked still holds when it is changed.
  const hasOtherOwner = await tables.hasOtherOwner(manager.organizationId, userId)
  const member = await tables.findMember(manager.organizationId, userId)
  if (member === undefined) throw notFound('member')
  if (member.role !== 'owner') return member
  if (manager.role !== 'owner') {
    throw new OAuthError('access_denied', 'Only an owner may change or remove an owner.', { status: 403 })
  }
  if (role !== 'owner' && !hasOtherOwner) {
    throw new OAuthError('conflict', 'This is the last owner. Make somebody else an owner first.')
  }
  return member
}

async function endAccessOfFormerMembers(context: ServerContext, organizationId: string): Promise<void> {
  let page = { limit: 100, after: undefined as { created_at: Date; id: string } | undefined }
  for (;;) {
    const servers = await context.storage.listServers(organizationId, page)
    for (const server of servers) {
      if (server.access_mode === 'members') await endDisallowed(context, server.id)
    }
    if (servers.length < page.limit) return
    page = { ...page, after: servers.at(-1) }
  }
}

function fromMember(member: Member): z.infer<typeof memberOutput> {
  const { user_id, email, role, created_at } = member
  return { user_id, email, role, created_at: created_at.toISOString() }
}
