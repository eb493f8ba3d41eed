import { type PageProps, pathFrom } from './base_path.ts'
import { ErrorNotice, HiddenFields, NewPasswordField } from './form.tsx'
import { renderPage, SEVER_OPENER } from './page.tsx'
import { UsernameForPasswordManager } from './username_for_password_manager.tsx'

export interface PasswordResetPageProps extends PageProps {
  csrf: string
  /** From the link in the mail. */
  token: string
  /** For the person's password manager, where it is known whose link this is. */
  email?: string | undefined
  minPasswordLength: number
  error?: string | undefined
}

/** Takes the new password. POST /password-reset/new with `token` and `password`. */
export function renderPasswordResetPage(props: PasswordResetPageProps): Response {
  const { basePath, csrf, token, email, error } = props
  return renderPage(
    <section class="card">
      <h1>Your new password</h1>
      <p class="lead">It replaces the old one. You will be signed out everywhere else.</p>
      <ErrorNotice>{error}</ErrorNotice>
      <form method="post" action={pathFrom(basePath, '/password-reset/new')}>
        <HiddenFields fields={{ csrf, token }} />
        {email && <UsernameForPasswordManager email={email} />}
        <NewPasswordField
          label="New password"
          name="password"
          minLength={props.minPasswordLength}
          isInvalid={error !== undefined}
        />
        <button class="button primary" type="submit">
          Save the password
        </button>
      </form>
    </section>,
    { basePath, title: 'New password', status: props.status, headers: SEVER_OPENER },
  )
}
