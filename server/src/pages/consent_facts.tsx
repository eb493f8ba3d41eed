import type { ConsentPageProps } from './consent_page.tsx'
import { describeIdentity } from './scope_descriptions.ts'
import { boundText, findLinkable, StrangerText } from './stranger_text.tsx'

/** For which server, where it leads, and what becomes known about whom. */
export function ConsentFacts(props: ConsentPageProps) {
  const { server, redirect, identity, clientSees, user } = props
  const website = findWebsite(props.client)
  return (
    <dl class="facts">
      {server && (
        <div>
          <dt>MCP server</dt>
          <dd>
            <StrangerText>{server.name}</StrangerText>
            <span class="detail wrap">{boundText(server.url, 300)}</span>
            {server.description && (
              <span class="detail">
                <StrangerText max={240}>{server.description}</StrangerText>
              </span>
            )}
          </dd>
        </div>
      )}
      {website && (
        <div>
          <dt>Website</dt>
          <dd>
            <a class="wrap" href={website.href} target="_blank" rel="noopener noreferrer">
              {boundText(website.host, 253)}
              <span class="unseen"> (opens a new window)</span>
            </a>
          </dd>
        </div>
      )}
      <div>
        <dt>Leads back to</dt>
        <dd>
          <Destination {...redirect} />
        </dd>
      </div>
      {server && identity.length > 0 && (
        <div>
          <dt>Server sees</dt>
          <dd>{identityList(identity)}</dd>
        </div>
      )}
      {clientSees.length > 0 && (
        <div>
          <dt>App sees</dt>
          <dd>{identityList(clientSees)}</dd>
        </div>
      )}
      <div>
        <dt>Account</dt>
        <dd>
          <span class="wrap">{boundText(user.email, 254)}</span>
          <a class="detail" href={props.switchAccountUrl}>
            Not you?
          </a>
        </dd>
      </div>
    </dl>
  )
}

/** The site that the client names, where the one who vouches for the client stands for it as well. */
function findWebsite({ uri, vouched }: ConsentPageProps['client']): URL | undefined {
  const url = uri === undefined ? undefined : findLinkable(uri)
  if (url?.protocol !== 'https:' || vouched.by === 'nobody') return undefined
  if (vouched.by === 'domain' && (url.host === vouched.domain || !isWithin(url.hostname, vouched.domain)))
    return undefined
  return url
}

function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}

function Destination({ host, kind }: ConsentPageProps['redirect']) {
  const shown = <strong class="wrap">{boundText(host, 253)}</strong>
  if (kind === 'https') return shown
  return (
    <>
      {shown}
      <span class="detail">
        {kind === 'loopback' ? 'A program on this computer' : 'An application on this device'}
      </span>
    </>
  )
}

function identityList(claims: readonly string[]): string {
  const text = boundText(claims.map(describeIdentity).join(', '), 240)
  return text.charAt(0).toUpperCase() + text.slice(1)
}
