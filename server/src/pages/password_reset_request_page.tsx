import { type PageProps, pathFrom, withReturnTo } from './base_path.ts'
import { ErrorNotice, Field, HiddenFields, SuccessNotice } from './form.tsx'
import { renderPage, SEVER_OPENER } from './page.tsx'

export interface PasswordResetRequestPageProps extends PageProps {
  csrf: string
  /** Where the person was going. */
  returnTo: string
  email?: string | undefined
  /** Shown once a link was asked for: the same words whether the account exists or not. */
  notice?: string | undefined
  error?: string | undefined
}

/** Asks for a link to choose a new password. POST /password-reset with `email`. */
export function renderPasswordResetRequestPage(props: PasswordResetRequestPageProps): Response {
  const { basePath, csrf, email, notice, error } = props
  return renderPage(
    <section class="card">
      <h1>Choose a new password</h1>
      <p class="lead">We send a link to your address, if it has an account here.</p>
      <SuccessNotice>{notice}</SuccessNotice>
      <ErrorNotice>{error}</ErrorNotice>
      <form method="post" action={pathFrom(basePath, '/password-reset')}>
        <HiddenFields fields={{ csrf, return_to: props.returnTo }} />
        <Field
          label="E-mail address"
          name="email"
          type="email"
          autocomplete="username"
          value={email}
          maxlength={254}
          isInvalid={error !== undefined}
          autofocus={!notice}
        />
        <button class="button primary" type="submit">
          Send the link
        </button>
      </form>
      <p class="foot">
        <a href={withReturnTo(basePath, '/sign-in', props.returnTo)}>Back to sign-in</a>
      </p>
    </section>,
    { basePath, title: 'New password', status: props.status, headers: SEVER_OPENER },
  )
}
