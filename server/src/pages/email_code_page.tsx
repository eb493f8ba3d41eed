import { type PageProps, pathFrom } from './base_path.ts'
import { ErrorNotice, Field, HiddenFields } from './form.tsx'
import { renderPage } from './page.tsx'
import { boundText } from './stranger_text.tsx'

export interface EmailCodePageProps extends PageProps {
  csrf: string
  returnTo: string
  email: string
  error?: string | undefined
  formActions?: readonly string[] | undefined
}

/** Asks for the code that was sent, without saying whether one was. POST /sign-in/code. */
export function renderEmailCodePage(props: EmailCodePageProps): Response {
  const { basePath, csrf, returnTo, email, error } = props
  // `switch`: the form again, also for who is signed in as somebody else.
  const back = `${pathFrom(basePath, '/sign-in')}?switch=1&return_to=${encodeURIComponent(returnTo)}`
  return renderPage(
    <section class="card">
      <h1>Check your e-mail</h1>
      <p class="lead">
        If <strong class="wrap">{boundText(email, 254)}</strong> can sign in here, a code is on its way. It is
        good for ten minutes, in this browser only.
      </p>
      <ErrorNotice>{error}</ErrorNotice>
      <form method="post" action={pathFrom(basePath, '/sign-in/code')}>
        <HiddenFields fields={{ csrf, return_to: returnTo, email }} />
        <Field
          label="Code"
          name="code"
          type="text"
          inputmode="text"
          autocomplete="one-time-code"
          hint="8 characters"
          maxlength={16}
          isInvalid={error !== undefined}
          autofocus
          class="code"
        />
        <button class="button primary" type="submit">
          Sign in
        </button>
      </form>
      <p class="foot">
        Nothing there? Look among unwanted mail, or <a href={back}>go back</a> and try another way.
      </p>
    </section>,
    {
      basePath,
      title: 'Enter your code',
      operator: props.operator,
      status: props.status,
      formActions: props.formActions,
    },
  )
}
