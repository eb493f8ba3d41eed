import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { readQuery } from '../http/form.ts'
import { seeOther } from '../http/see_other.ts'
import type { ConnectionInfo } from '../options.ts'
import { renderDevInboxPage } from '../pages/dev_inbox_page.tsx'
import { findCookie, setCookie } from '../sign_in/cookies.ts'

/**
 * GET /dev/inbox: mail that did not leave. It exists on a loopback issuer, for a loopback peer that asks for its
 * exact host, and for whoever has the secret from the terminal; for everybody else there is no such page.
 */
export async function devInbox(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
): Promise<Response> {
  const { inbox, issuer } = context
  if (inbox === undefined || !issuer.isLoopback || !info.loopback || !isExactHost(context, request))
    throw notFound()
  const mac = context.purposeKeys.mac('browser', `inbox:${inbox.secret}`)
  const secret = readQuery(request).get('secret')
  if (secret !== undefined) {
    if (!context.purposeKeys.isMac('browser', `inbox:${secret}`, mac)) throw notFound()
    // The secret leaves the address bar, and the history with it.
    const cookie = setCookie(issuer, 'inbox', mac.toString('base64url'), 86_400)
    return seeOther(context, `${issuer.basePath}/dev/inbox`, [cookie])
  }
  const known = Buffer.from(findCookie(issuer, request, 'inbox') ?? '', 'base64url')
  if (!context.purposeKeys.isMac('browser', `inbox:${inbox.secret}`, known)) throw notFound()
  const messages = await inbox.list()
  return renderDevInboxPage({
    basePath: issuer.basePath,
    messages: messages.map((message) => ({ ...message, sentAt: new Date(message.sentAt) })),
  })
}

function isExactHost({ issuer }: ServerContext, request: Request): boolean {
  const expected = new URL(issuer.url).host
  const host = request.headers.get('Host')
  return new URL(request.url).host === expected && (host === null || host === expected)
}

function notFound(): OAuthError {
  return new OAuthError('not_found', 'There is nothing here.')
}
