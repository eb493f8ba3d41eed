import type { PageProps } from './base_path.ts'
import { renderPage } from './page.tsx'
import { boundText, findLinkable } from './stranger_text.tsx'

export interface ErrorPageProps extends PageProps {
  title: string
  message: string
  /** What the person, or the developer of the client, can do about it. */
  hint?: string | undefined
  /** The error code of the protocol, such as `invalid_request`. */
  code?: string | undefined
  /** What the person tells the operator, who finds this answer in the log by it. */
  requestId?: string | undefined
  /** The way on. Where it leaves this server, the page says to which host. */
  link?: { href: string; label: string } | undefined
}

/** What went wrong, for people: also instead of a redirect to a client that nobody vouches for. */
export function renderErrorPage(props: ErrorPageProps): Response {
  const { basePath, title, message, hint, code, requestId, link } = props
  return renderPage(
    <section class="card">
      <h1>{boundText(title, 120)}</h1>
      <p class="lead">{boundText(message, 500)}</p>
      {hint && <p>{boundText(hint, 500)}</p>}
      {link && <WayOn {...link} />}
      {(code || requestId) && (
        <dl class="particulars">
          {code && <Fact name="Error">{boundText(code, 80)}</Fact>}
          {requestId && <Fact name="Reference">{boundText(requestId, 80)}</Fact>}
        </dl>
      )}
    </section>,
    { basePath, title: title, status: props.status ?? 400 },
  )
}

function Fact({ name, children }: { name: string; children: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <code>{children}</code>
      </dd>
    </div>
  )
}

function WayOn({ href, label }: { href: string; label: string }) {
  if (/^\/(?![/\\])/.test(href))
    return (
      <p>
        <a class="button" href={href}>
          {boundText(label, 80)}
        </a>
      </p>
    )
  const url = findLinkable(href)
  if (url === undefined) return null
  return (
    <p>
      <a class="button" href={url.href} rel="noreferrer">
        {boundText(label, 80)}
      </a>
      <span class="hint">
        Leads to <strong class="wrap">{destination(url)}</strong>
      </span>
    </p>
  )
}

/** The host a web link leads to, or the scheme of the application that opens it. */
function destination(url: URL): string {
  return url.protocol === 'https:' || url.protocol === 'http:'
    ? url.host
    : `an application (${url.protocol}//)`
}
