import type { ServerContext } from '../context.ts'
import type { ConnectionInfo } from '../options.ts'
import { renderHomePage } from '../pages/home_page.tsx'

/** GET /: what this is, for whoever opens the issuer in a browser. */
export async function home(
  { issuer }: ServerContext,
  _request: Request,
  _info: ConnectionInfo,
): Promise<Response> {
  return renderHomePage({ basePath: issuer.basePath, issuer: issuer.url })
}
