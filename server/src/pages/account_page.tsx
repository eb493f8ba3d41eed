import type { PageProps } from './base_path.ts'
import { renderPage, SEVER_OPENER } from './page.tsx'

export interface AccountAuthorization {
  id: string
  clientName: string
  clientDomain?: string | undefined
  serverName?: string | undefined
  serverUrl?: string | undefined
  scopes: readonly string[]
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

export interface AccountPageProps extends PageProps {
  csrf: string
  user: { email: string }
  notice?: string | undefined
  error?: string | undefined
  authorizations: readonly AccountAuthorization[]
  sessions: readonly AccountSession[]
  passkeys: readonly AccountPasskey[]
  hasPassword: boolean
  minPasswordLength: number
}

/**
 * What a person granted and how he signs in. POST /account/authorizations/revoke, /account/sessions/revoke and
 * /account/passkeys/remove (`id`), /account/password (`current_password`, `new_password`), /logout.
 */
export function renderAccountPage(props: AccountPageProps): Response {
  return renderPage(<h1>Your account</h1>, {
    basePath: props.basePath,
    title: 'Your account',
    status: props.status,
    width: 'wide',
    scripts: ['passkey.js'],
    headers: SEVER_OPENER,
  })
}
