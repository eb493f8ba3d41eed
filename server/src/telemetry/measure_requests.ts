import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { currentRefusal } from './request_scope.ts'
import type { Telemetry } from './telemetry.ts'

/** Where no route answers. */
const UNMATCHED = 'unmatched'

/** Tells of every request, by the route that answered it, as soon as the head of its answer is known. */
export function measureRequests(telemetry: Telemetry, basePath: string): MiddlewareHandler {
  const routes = new Map<string, string>()
  const routeOf = (pattern: string): string => {
    const known = routes.get(pattern)
    if (known !== undefined) return known
    const path = pattern.startsWith(`${basePath}/`) ? pattern.slice(basePath.length) : pattern
    const route = path === '/*' || path === '*' ? UNMATCHED : path
    routes.set(pattern, route)
    return route
  }
  return async (c, next) => {
    const startedAt = performance.now()
    await next()
    telemetry.requestAnswered({
      route: routeOf(routePath(c)),
      method: c.req.method,
      status: c.res.status,
      seconds: (performance.now() - startedAt) / 1000,
      refusedWith: currentRefusal(),
    })
  }
}
