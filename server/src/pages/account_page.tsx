import { AccountAuthorizations } from './account_authorizations.tsx'
import { AccountIdentities } from './account_identities.tsx'
import { AccountPasskeys } from './account_passkeys.tsx'
import { AccountPassword } from './account_password.tsx'
import { AccountSessions } from './account_sessions.tsx'
import { type PageProps, pathFrom } from './base_path.ts'
import { ErrorNotice, HiddenFields, SuccessNotice } from './form.tsx'
import { renderPage, SEVER_OPENER } from './page.tsx'
import { PasskeyOffer } from './passkey_offer.tsx'
import { boundText } from './stranger_text.tsx'

export interface AccountAuthorization {
  id: string
  clientName: string
  /** The verified domain of the client, where there is one. */
  clientDomain?: string | undefined
  serverName?: string | undefined
  serverUrl?: string | undefined
  /** `description` in the words of the server's owner; empty where there are none. */
  scopes: readonly { name: string; description: string }[]
  /** What the server sees of the person, for instance `email`. */
  identity: readonly string[]
  grantedAt: Date
  lastUsedAt?: Date | undefined
}

export interface AccountSession {
  id: string
  current: boolean
  createdAt: Date
  lastSeenAt: Date
  userAgent?: string | undefined
}

export interface AccountPasskey {
  id: string
  name: string
  createdAt: Date
  lastUsedAt?: Date | undefined
}

export interface AccountIdentity {
  id: string
  /** Of the provider. */
  name: string
  connectedAt: Date
}

export interface AccountPageProps extends PageProps {
  csrf: string
  user: { email: string }
  notice?: string | undefined
  error?: string | undefined
  authorizations: readonly AccountAuthorization[]
  sessions: readonly AccountSession[]
  passkeys: readonly AccountPasskey[]
  identities: readonly AccountIdentity[]
  hasPassword: boolean
  minPasswordLength: number
}

/**
 * What a person granted and how he signs in. POST /account/authorizations/revoke, /account/sessions/revoke,
 * /account/passkeys/remove and /account/identities/remove (`id`), /account/password (`current_password`, `new_password`), /logout.
 */
export function renderAccountPage(props: AccountPageProps): Response {
  const { basePath, csrf } = props
  return renderPage(
    <>
      <div class="title">
        <div>
          <h1>Your account</h1>
          <p class="lead wrap">{boundText(props.user.email, 254)}</p>
        </div>
        <form method="post" action={pathFrom(basePath, '/logout')}>
          <HiddenFields fields={{ csrf }} />
          <button class="button" type="submit">
            Sign out
          </button>
        </form>
      </div>
      <SuccessNotice>{props.notice}</SuccessNotice>
      <ErrorNotice>{props.error}</ErrorNotice>
      {props.passkeys.length === 0 && <PasskeyOffer basePath={basePath} csrf={csrf} />}
      <AccountAuthorizations {...props} />
      <AccountPasskeys {...props} />
      <AccountIdentities {...props} />
      <AccountPassword {...props} />
      <AccountSessions {...props} />
    </>,
    {
      basePath,
      title: 'Your account',
      operator: props.operator,
      status: props.status,
      width: 'wide',
      scripts: ['passkey.js'],
      headers: SEVER_OPENER,
    },
  )
}
