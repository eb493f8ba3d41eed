import { type PageProps, pathFrom } from './base_path.ts'
import { HiddenFields } from './form.tsx'
import { renderPage } from './page.tsx'
import { boundText } from './stranger_text.tsx'

export interface LogoutPageProps extends PageProps {
  csrf: string
  /** Who is signed in, where it is known. */
  user?: { email: string } | undefined
  /** The parameters of OpenID Connect RP-Initiated Logout 1.0 §2, sent back as they came. */
  post_logout_redirect_uri?: string | undefined
  state?: string | undefined
  client_id?: string | undefined
  id_token_hint?: string | undefined
  /** The post-logout redirect URI, once it is known to be good. */
  formActions?: readonly string[] | undefined
}

/** Asks before signing out, so that no other site can do it behind the person's back. POST /logout. */
export function renderLogoutPage(props: LogoutPageProps): Response {
  const { basePath, csrf, user, post_logout_redirect_uri, state, client_id, id_token_hint } = props
  return renderPage(
    <section class="card">
      <h1>Sign out?</h1>
      <p class="lead">
        {user ? (
          <>
            You are signed in as <strong class="wrap">{boundText(user.email, 254)}</strong> in this browser.
          </>
        ) : (
          'This ends your session in this browser.'
        )}{' '}
        Apps that you gave access keep it.
      </p>
      <form method="post" action={pathFrom(basePath, '/logout')}>
        <HiddenFields fields={{ csrf, post_logout_redirect_uri, state, client_id, id_token_hint }} />
        <div class="decision">
          <a class="button" href={pathFrom(basePath, '/account')}>
            Stay signed in
          </a>
          <button class="button primary" type="submit">
            Sign out
          </button>
        </div>
      </form>
    </section>,
    { basePath, title: 'Sign out', status: props.status, formActions: props.formActions },
  )
}
