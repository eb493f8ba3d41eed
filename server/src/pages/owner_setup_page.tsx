import { type PageProps, pathFrom } from './base_path.ts'
import { ErrorNotice, Field, HiddenFields, NewPasswordField } from './form.tsx'
import { renderPage, SEVER_OPENER } from './page.tsx'

export interface OwnerSetupPageProps extends PageProps {
  csrf: string
  /** From the one-time link. */
  token: string
  email?: string | undefined
  minPasswordLength: number
  error?: string | undefined
}

/** Makes the first visitor the owner. POST /setup with `token`, `email`, `password`. */
export function renderOwnerSetupPage(props: OwnerSetupPageProps): Response {
  const { basePath, csrf, token, email, error } = props
  const isInvalid = error !== undefined
  return renderPage(
    <section class="card">
      <h1>Make this server yours</h1>
      <p class="lead">
        Nobody owns it yet. The account that you make here may add MCP servers and invite people.
      </p>
      <ErrorNotice>{error}</ErrorNotice>
      <form method="post" action={pathFrom(basePath, '/setup')}>
        <HiddenFields fields={{ csrf, token }} />
        <Field
          label="E-mail address"
          name="email"
          type="email"
          autocomplete="username"
          value={email}
          maxlength={254}
          isInvalid={isInvalid}
          autofocus
        />
        <NewPasswordField
          label="Password"
          name="password"
          minLength={props.minPasswordLength}
          isInvalid={isInvalid}
        />
        <button class="button primary" type="submit">
          Become the owner
        </button>
      </form>
    </section>,
    { basePath, title: 'Set up', status: props.status, headers: SEVER_OPENER },
  )
}
