import { type PageProps, pathFrom } from './base_path.ts'
import { ErrorNotice, HiddenFields, NewPasswordField } from './form.tsx'
import { renderPage, SEVER_OPENER } from './page.tsx'
import { boundText, StrangerText } from './stranger_text.tsx'
import { UsernameForPasswordManager } from './username_for_password_manager.tsx'

export interface InvitationPageProps extends PageProps {
  csrf: string
  /** From the link in the invitation. */
  token: string
  email: string
  organization: string
  minPasswordLength: number
  error?: string | undefined
}

/** Accepts an invitation. POST /invitation with `token` and `password`. */
export function renderInvitationPage(props: InvitationPageProps): Response {
  const { basePath, csrf, token, email, organization, error } = props
  return renderPage(
    <section class="card">
      <h1>
        Join <StrangerText>{organization}</StrangerText>
      </h1>
      <p class="lead">
        You were invited as <strong class="wrap">{boundText(email, 254)}</strong>. Choose a password, and you
        are in.
      </p>
      <ErrorNotice>{error}</ErrorNotice>
      <form method="post" action={pathFrom(basePath, '/invitation')}>
        <HiddenFields fields={{ csrf, token }} />
        <UsernameForPasswordManager email={email} />
        <NewPasswordField
          label="Password"
          name="password"
          minLength={props.minPasswordLength}
          isInvalid={error !== undefined}
        />
        <button class="button primary" type="submit">
          Accept the invitation
        </button>
      </form>
    </section>,
    { basePath, title: 'Invitation', status: props.status, headers: SEVER_OPENER },
  )
}
