import { type PageProps, pathFrom } from './base_path.ts'
import { HiddenFields } from './form.tsx'
import { renderPage } from './page.tsx'
import { PasskeyOffer } from './passkey_offer.tsx'

/** Who stands for the client's name: the owner of a domain (CIMD), an operator who registered it, or nobody. */
export type Vouched = { by: 'domain'; domain: string } | { by: 'operator' } | { by: 'nobody' }

export interface ConsentScope {
  name: string
  /** In the words of the server's owner; for scopes of OpenID Connect ours are used where this is empty. */
  description: string
  /** Not granted to this client before. */
  isNew: boolean
}

export interface ConsentPageProps extends PageProps {
  csrf: string
  /** The pending request, an opaque id. */
  request: string
  client: { name: string; uri?: string | undefined; vouched: Vouched }
  /** Where the answer will be sent: a web host, this computer, or an application by its scheme. */
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
      <form class="card" method="post" action={pathFrom(basePath, '/consent')}>
        <HiddenFields fields={{ csrf, request: props.request }} />
      </form>
      {props.offerPasskey && <PasskeyOffer basePath={basePath} csrf={csrf} />}
    </>,
    {
      basePath,
      title: 'Allow access',
      status: props.status,
      formActions: props.formActions,
      scripts: props.offerPasskey ? ['passkey.js'] : [],
    },
  )
}
