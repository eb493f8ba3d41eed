import { type PageProps, pathFrom } from './base_path.ts'
import { HiddenFields } from './form.tsx'
import { renderPage, SEVER_OPENER } from './page.tsx'
import { boundText, StrangerText } from './stranger_text.tsx'

export interface JoinPageProps extends PageProps {
  csrf: string
  /** From the link in the invitation. */
  token: string
  email: string
  organization: string
}

/** Accepts an invitation for who is signed in under the invited address. POST /invitation with `token`. */
export function renderJoinPage({
  basePath,
  csrf,
  token,
  email,
  organization,
  status,
}: JoinPageProps): Response {
  return renderPage(
    <section class="card">
      <h1>
        Join <StrangerText>{organization}</StrangerText>
      </h1>
      <p class="lead">
        You were invited, and are signed in, as <strong class="wrap">{boundText(email, 254)}</strong>.
      </p>
      <form method="post" action={pathFrom(basePath, '/invitation')}>
        <HiddenFields fields={{ csrf, token }} />
        <button class="button primary" type="submit">
          Accept the invitation
        </button>
      </form>
    </section>,
    { basePath, title: 'Invitation', status, headers: SEVER_OPENER },
  )
}
