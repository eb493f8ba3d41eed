import { EndButton } from './account_item.tsx'
import type { AccountPageProps } from './account_page.tsx'
import { Day } from './moment.tsx'
import { boundText } from './stranger_text.tsx'

/** The person's passkeys; adding one needs the script. */
export function AccountPasskeys({ basePath, csrf, passkeys }: AccountPageProps) {
  return (
    <section class="card" aria-labelledby="passkeys">
      <h2 id="passkeys">Passkeys</h2>
      {passkeys.length === 0 ? (
        <p class="empty">
          You have none yet. A passkey signs you in with a fingerprint, your face or your screen lock.
        </p>
      ) : (
        <ul class="items">
          {passkeys.map(({ id, name, createdAt, lastUsedAt }) => (
            <li>
              <div>
                <h3>{boundText(name, 80) || 'Passkey'}</h3>
                <p class="hint">
                  Added <Day at={createdAt} />
                  {lastUsedAt && (
                    <>
                      {', last used '}
                      <Day at={lastUsedAt} />
                    </>
                  )}
                </p>
              </div>
              <EndButton
                basePath={basePath}
                action="/account/passkeys/remove"
                csrf={csrf}
                id={id}
                label="Remove"
                object={name}
              />
            </li>
          ))}
        </ul>
      )}
      <div data-passkey="registration" data-base-path={basePath} data-csrf={csrf} hidden>
        <button class="button" type="button">
          Add a passkey
        </button>
        <p class="status" role="status" aria-live="polite" />
      </div>
      <noscript>
        <p class="hint">To add one, allow scripts on this page.</p>
      </noscript>
    </section>
  )
}
