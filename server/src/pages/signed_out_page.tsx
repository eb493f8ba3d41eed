import { type PageProps, pathFrom } from './base_path.ts'
import { renderPage } from './page.tsx'

export type SignedOutPageProps = PageProps

/** The end of a session. */
export function renderSignedOutPage({ basePath, status }: SignedOutPageProps): Response {
  return renderPage(
    <section class="card">
      <h1>You are signed out</h1>
      <p class="lead">Your session in this browser has ended. You can close this window.</p>
      <a class="button" href={pathFrom(basePath, '/sign-in')}>
        Sign in again
      </a>
    </section>,
    { basePath, title: 'Signed out', status },
  )
}
