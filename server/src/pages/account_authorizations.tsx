import { EndButton } from './account_item.tsx'
import type { AccountAuthorization, AccountPageProps } from './account_page.tsx'
import { Day } from './moment.tsx'
import { describeIdentity, findScopeDescription } from './scope_descriptions.ts'
import { boundText, StrangerText } from './stranger_text.tsx'

/** The apps that have access, and the end of it. */
export function AccountAuthorizations({ basePath, csrf, authorizations }: AccountPageProps) {
  return (
    <section class="card" aria-labelledby="authorizations">
      <h2 id="authorizations">Apps with access</h2>
      {authorizations.length === 0 ? (
        <p class="empty">No app has access to anything of yours.</p>
      ) : (
        <ul class="items">
          {authorizations.map((authorization) => (
            <li>
              <Authorization {...authorization} />
              <EndButton
                basePath={basePath}
                action="/account/authorizations/revoke"
                csrf={csrf}
                id={authorization.id}
                label="Revoke"
                object={`${authorization.clientName}, ${authorization.serverName ?? 'your identity'}`}
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Authorization(props: AccountAuthorization) {
  return (
    <div>
      <h3>
        <StrangerText>{props.clientName}</StrangerText>
        {props.clientDomain && <span class="detail wrap">{boundText(props.clientDomain, 253)}</span>}
      </h3>
      {props.serverName || props.serverUrl ? (
        <p>
          {props.serverName && <StrangerText>{props.serverName}</StrangerText>}
          {props.serverUrl && <span class="detail wrap">{boundText(props.serverUrl, 300)}</span>}
        </p>
      ) : (
        <p>Who you are</p>
      )}
      {props.scopes.length > 0 && (
        <ul class="chips" aria-label="Permissions">
          {props.scopes.map((scope) => (
            <li>
              <Permission {...scope} />
            </li>
          ))}
        </ul>
      )}
      {props.identity.length > 0 && <p class="hint">The server sees {listIdentity(props.identity)}.</p>}
      <p class="hint">
        Allowed <Day at={props.grantedAt} />
        {props.lastUsedAt && (
          <>
            {', last used '}
            <Day at={props.lastUsedAt} />
          </>
        )}
      </p>
    </div>
  )
}

/** In words where there are any, as it was on the page on which it was allowed. */
function Permission(scope: AccountAuthorization['scopes'][number]) {
  const description = findScopeDescription(scope)
  const name = <code>{boundText(scope.name, 100)}</code>
  if (description === undefined) return name
  return (
    <>
      <StrangerText max={200}>{description}</StrangerText>
      <span class="detail">{name}</span>
    </>
  )
}

function listIdentity(claims: readonly string[]): string {
  return boundText(claims.map(describeIdentity).join(', '), 240)
}
