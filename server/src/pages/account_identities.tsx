import { EndButton } from './account_item.tsx'
import type { AccountPageProps } from './account_page.tsx'
import { Day } from './moment.tsx'
import { boundText } from './stranger_text.tsx'

/** Accounts at other providers that open this one. Signing in there connects one. */
export function AccountIdentities({ basePath, csrf, identities }: AccountPageProps) {
  if (identities.length === 0) return null
  return (
    <section class="card" aria-labelledby="identities">
      <h2 id="identities">Connected accounts</h2>
      <ul class="items">
        {identities.map(({ id, name, connectedAt }) => (
          <li>
            <div>
              <h3>{boundText(name, 80)}</h3>
              <p class="hint">
                Opens your account since <Day at={connectedAt} />
              </p>
            </div>
            <EndButton
              basePath={basePath}
              action="/account/identities/remove"
              csrf={csrf}
              id={id}
              label="Remove"
              object={name}
            />
          </li>
        ))}
      </ul>
    </section>
  )
}
