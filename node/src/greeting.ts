import type { Settings } from './environment.ts'

const USUAL_ISSUER = 'http://localhost:8787'

/**
 * What the person at the terminal reads after the start: where the server is, and where to go next.
 *
 * @param setupLink makes its first visitor the owner; it is for the terminal and nowhere else
 * @param inboxSecret of the development inbox, if there is one
 */
export function greet(
  { issuer, allowLoopbackFetch }: Pick<Settings, 'issuer' | 'allowLoopbackFetch'>,
  setupLink: string | undefined,
  inboxSecret: string | undefined,
): string {
  const authServer = issuer === USUAL_ISSUER ? '' : `auth_server="${issuer}", `
  const parts = [
    `Auth-Agent is running: ${issuer}`,
    setupLink && `Become the owner, within an hour, by this link:\n  ${setupLink}`,
    inboxSecret &&
      `Mail does not leave this machine; read it here:\n  ${issuer}/dev/inbox?secret=${inboxSecret}`,
    allowLoopbackFetch &&
      'ALLOW_LOOPBACK_FETCH is on: strangers can make this server call programs on this machine. Development only.',
    [
      'Protect an MCP server in Python:',
      'from auth_agent_mcp import AuthAgentMiddleware',
      `app.add_middleware(AuthAgentMiddleware, ${authServer}server_id="srv_abc123", api_key="sk_xyz789")`,
      '# request.state.user_email, .scopes, .client_id, .audience, .subject',
    ].join('\n  '),
  ]
  return `\n${parts.filter(Boolean).join('\n\n')}\n\n`
}
