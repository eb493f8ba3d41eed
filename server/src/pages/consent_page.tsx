import { type PageProps, pathFrom } from './base_path.ts'
import { ConsentFacts } from './consent_facts.tsx'
import { ConsentScopes } from './consent_scopes.tsx'
import { ErrorNotice, HiddenFields } from './form.tsx'
import { renderPage } from './page.tsx'
import { PasskeyOffer } from './passkey_offer.tsx'
import { boundText, StrangerText } from './stranger_text.tsx'

/** Who stands for the client's name: the owner of a domain (CIMD), an operator who registered it, or nobody. */
export type Vouched = { by: 'domain'; domain: string } | { by: 'operator' } | { by: 'nobody' }

export interface ConsentScope {
  name: string
  /** In the words of the server's owner; where it is empty, ours for the scopes of OpenID Connect. */
  description: string
  /** Not granted to this client before. */
  isNew: boolean
}

export interface ConsentPageProps extends PageProps {
  csrf: string
  /** The request, sealed: what comes back with the answer. */
  request: string
  client: { name: string; uri?: string | undefined; vouched: Vouched }
  /** Where the answer will be sent: a web host, this computer, or an application by its scheme (`cursor:`). */
  redirect: { host: string; kind: 'https' | 'loopback' | 'app' }
  /** The client lists no redirect but to this computer, so that any program here can pose as it. */
  loopbackOnly: boolean
  /** The MCP server; absent where only identity is asked. */
  server?: { name: string; url: string; description?: string | undefined } | undefined
  scopes: readonly ConsentScope[]
  /** What the server will see of the person, for instance `email`. */
  identity: readonly string[]
  /** What the client will see of the person, through scopes of OpenID Connect. */
  clientSees: readonly string[]
  user: { email: string }
  /** Some scopes were granted to this client before. */
  stepUp: boolean
  /** The person has no passkey yet. */
  offerPasskey: boolean
  /** Signs in as somebody else and comes back here. */
  switchAccountUrl: string
  /** The redirect URI. */
  formActions: readonly string[]
  error?: string | undefined
}

/** The decision. POST /consent with `decision` `approve` or `deny`, and `scope` for each one that is granted. */
export function renderConsentPage(props: ConsentPageProps): Response {
  const { basePath, csrf } = props
  return renderPage(
    <>
      <form class="card consent" method="post" action={pathFrom(basePath, '/consent')}>
        <HiddenFields fields={{ csrf, request: props.request }} />
        <h1>
          <Question {...props} />
        </h1>
        <Voucher {...props.client} />
        <ErrorNotice>{props.error}</ErrorNotice>
        <Caution {...props} />
        <ConsentScopes {...props} />
        <ConsentFacts {...props} />
        {/* Deny comes first, so that it is what Enter in a checkbox means. */}
        <div class="decision">
          <button class="button" type="submit" name="decision" value="deny">
            Deny
          </button>
          <button class="button primary" type="submit" name="decision" value="approve">
            Allow
          </button>
        </div>
        <p class="foot">You can take this back whenever you like, in your account.</p>
      </form>
      {props.offerPasskey && <PasskeyOffer basePath={basePath} csrf={csrf} />}
    </>,
    {
      basePath,
      title: 'Allow access?',
      operator: props.operator,
      status: props.status,
      formActions: props.formActions,
      scripts: props.offerPasskey ? ['passkey.js'] : [],
    },
  )
}

/** A name that nobody vouches for is not lent the weight of a heading. */
function Question({
  client,
  server,
  stepUp,
  scopes,
}: Pick<ConsentPageProps, 'client' | 'server' | 'stepUp' | 'scopes'>) {
  const who =
    client.vouched.by === 'nobody' ? 'an unverified app' : <StrangerText max={48}>{client.name}</StrangerText>
  if (server === undefined) return <>Let {who} know who you are?</>
  // A client may have itself confirmed again (`prompt=consent`) and ask for nothing more.
  const isMore = stepUp && scopes.some(({ isNew }) => isNew)
  return (
    <>
      Allow {who} to {isMore ? 'do more with' : 'use'} <StrangerText max={48}>{server.name}</StrangerText>?
    </>
  )
}

function Voucher({ vouched }: ConsentPageProps['client']) {
  if (vouched.by === 'nobody') return null
  return (
    <p class="lead voucher">
      <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true" focusable="false">
        <circle class="seal" cx="8" cy="8" r="8" />
        <path class="tick" d="m4.75 8.25 2.25 2.25 4.25-4.75" />
      </svg>
      {vouched.by === 'domain' ? (
        <span>
          Verified: it belongs to <strong class="wrap">{boundText(vouched.domain, 253)}</strong>
        </span>
      ) : (
        <span>Registered by the operator of this server</span>
      )}
    </p>
  )
}

function Caution({ client, loopbackOnly }: Pick<ConsentPageProps, 'client' | 'loopbackOnly'>) {
  const isUnknown = client.vouched.by === 'nobody'
  if (!isUnknown && !loopbackOnly) return null
  return (
    <div class="notice caution" role="note">
      {isUnknown && (
        <p>
          It calls itself{' '}
          <strong>
            <StrangerText>{client.name}</StrangerText>
          </strong>
          , but nobody vouches for this name.
        </p>
      )}
      {loopbackOnly && <p>It runs on this computer, where any program could pose as it.</p>}
      <p>Allow it only if you have just started this yourself.</p>
    </div>
  )
}
