import type { PageProps } from './base_path.ts'
import { HiddenFields } from './form.tsx'
import { renderPage } from './page.tsx'
import { findLinkable } from './stranger_text.tsx'

export interface FormPostPageProps extends PageProps {
  /** The client's redirect URI. */
  action: string
  /** The authorization response. */
  fields: Readonly<Record<string, string>>
  /** What the page may post to; by default the action. */
  formActions?: readonly string[] | undefined
}

/**
 * Carries an authorization response to the client in a form (OAuth 2.0 Form Post Response Mode). The script
 * submits it; without script, a person does.
 */
export function renderFormPostPage({
  basePath,
  action,
  fields,
  formActions,
  status,
}: FormPostPageProps): Response {
  const target = findLinkable(action)
  if (target === undefined) throw new TypeError('The response cannot be posted to this redirect URI.')
  return renderPage(
    <section class="card">
      <h1>One moment</h1>
      <p class="lead">
        You are being sent back to <strong class="wrap">{target.host || target.protocol}</strong>.
      </p>
      <form method="post" action={action} data-submit="at-once">
        <HiddenFields fields={fields} />
        <button class="button primary" type="submit">
          Continue
        </button>
      </form>
    </section>,
    {
      basePath,
      title: 'Continue',
      status,
      formActions: formActions ?? [action],
      scripts: ['form_post.js'],
      // The client's own defence against forged posts wants to know from whom this one comes; the origin is no secret.
      headers: { 'Referrer-Policy': 'strict-origin' },
    },
  )
}
