import { OpenAPIHono } from '@hono/zod-openapi'
import type { ServerContext } from '../context.ts'
import { authenticateManager, type ManagementEnv } from './authentication.ts'
import { clientRoutes } from './clients.ts'
import { invalidRequest, notFound, renderError } from './errors.ts'
import { invitationRoutes } from './invitations.ts'
import { memberRoutes } from './members.ts'
import { describeApi } from './openapi.ts'
import { organizationRoutes } from './organization.ts'
import { serverKeyRoutes } from './server_keys.ts'
import { serverRoutes } from './servers.ts'

/**
 * The JSON API of the console, the command line and automation, to be mounted at `/api`. It is described by
 * OpenAPI 3.1 at `/openapi.json`, which is all that it answers without a credential. It has no CORS.
 */
export function managementApi(context: ServerContext): OpenAPIHono<ManagementEnv> {
  const api = new OpenAPIHono<ManagementEnv>({
    defaultHook: (result) => {
      if (result.success) return
      // An id that is not even formed like one is the id of nothing.
      if (result.target === 'param') throw notFound('thing')
      throw invalidRequest(result.error)
    },
  })
  api.onError((error, c) => renderError(context, error, c))

  api.get('/openapi.json', (c) => c.json(describeApi(context, api)))
  api.use(async (c, next) => {
    c.set('manager', await authenticateManager(context, c.req.raw))
    await next()
    c.header('Cache-Control', 'no-store')
  })
  api.route('/servers', serverRoutes(context))
  api.route('/servers', serverKeyRoutes(context))
  api.route('/clients', clientRoutes(context))
  api.route('/invitations', invitationRoutes(context))
  api.route('/members', memberRoutes(context))
  api.route('/organization', organizationRoutes(context))
  api.all('*', () => {
    throw notFound('endpoint of the management API')
  })
  return api
}
