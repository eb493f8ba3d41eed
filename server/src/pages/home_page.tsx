import { type PageProps, pathFrom } from './base_path.ts'
import { renderPage } from './page.tsx'

export interface HomePageProps extends PageProps {
  issuer: string
}

/** What a browser sees at the issuer: what this is, and the ways on. */
export function renderHomePage({ basePath, issuer, status }: HomePageProps): Response {
  return renderPage(
    <section class="card">
      <h1>An authorization server for MCP</h1>
      <p class="lead">
        Here people decide which apps and agents may use their MCP servers, and take it back whenever they
        like.
      </p>
      <a class="button primary" href={pathFrom(basePath, '/account')}>
        Your account
      </a>
      <h2>For developers</h2>
      <dl class="facts">
        <div>
          <dt>Issuer</dt>
          <dd>
            <code>{issuer}</code>
          </dd>
        </div>
        <div>
          <dt>Metadata</dt>
          <dd>
            <a href={`/.well-known/oauth-authorization-server${basePath}`}>OAuth 2.1</a>
            {', '}
            <a href={pathFrom(basePath, '/.well-known/openid-configuration')}>OpenID Connect</a>
          </dd>
        </div>
      </dl>
    </section>,
    { basePath, title: 'Welcome', status },
  )
}
