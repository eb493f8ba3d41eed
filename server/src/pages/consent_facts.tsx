import type { ConsentPageProps, Vouched } from './consent_page.tsx'
import { describeIdentity } from './scope_descriptions.ts'
import { boundText, findLinkable, StrangerText } from './stranger_text.tsx'

/** Who asks, for what, where it leads, and what becomes known about whom. */
export function ConsentFacts(props: ConsentPageProps) {
  const { client, server, redirect, identity, clientSees, user } = props
  return (
    <dl class="facts">
      <div>
        <dt>App</dt>
        <dd>
          {client.vouched.by !== 'nobody' && <StrangerText>{client.name}</StrangerText>}
          <Voucher vouched={client.vouched} />
          <Website client={client} />
        </dd>
      </div>
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

function Voucher({ vouched }: { vouched: Vouched }) {
  if (vouched.by === 'nobody') return <span>Unverified: nobody vouches for it</span>
  return (
    <span class="voucher">
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
        <circle class="seal" cx="8" cy="8" r="8" />
        <path class="tick" d="m4.75 8.25 2.25 2.25 4.25-4.75" />
      </svg>
      {vouched.by === 'domain' ? (
        <span>
          Verified: <strong class="wrap">{boundText(vouched.domain, 253)}</strong>
        </span>
      ) : (
        <span>Registered by this server’s operator</span>
      )}
    </span>
  )
}

/** The site that the client names, where the one who vouches for the client stands for it as well. */
function Website({ client }: Pick<ConsentPageProps, 'client'>) {
  const url = client.uri === undefined ? undefined : findLinkable(client.uri)
  if (url?.protocol !== 'https:' || client.vouched.by === 'nobody') return null
  if (client.vouched.by === 'domain' && !isWithin(url.hostname, client.vouched.domain)) return null
  return (
    <a class="detail wrap" href={url.href} target="_blank" rel="noopener noreferrer">
      {boundText(url.host, 253)}
      <span class="unseen"> (opens a new window)</span>
    </a>
  )
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
