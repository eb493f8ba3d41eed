import { EndButton } from './account_item.tsx'
import type { AccountPageProps } from './account_page.tsx'
import { deviceName } from './device_name.ts'
import { Day, Moment } from './moment.tsx'

/** The browsers that are signed in. */
export function AccountSessions({ basePath, csrf, sessions }: AccountPageProps) {
  return (
    <section class="card" aria-labelledby="sessions">
      <h2 id="sessions">Where you are signed in</h2>
      <ul class="items">
        {sessions.map((session) => (
          <li>
            <div>
              <h3>
                {deviceName(session.userAgent)}
                {session.current && <span class="tag">this browser</span>}
              </h3>
              <p class="hint">
                Since <Day at={session.createdAt} />, last seen <Moment at={session.lastSeenAt} />
              </p>
            </div>
            {!session.current && (
              <EndButton
                basePath={basePath}
                action="/account/sessions/revoke"
                csrf={csrf}
                id={session.id}
                label="Sign out"
                object={deviceName(session.userAgent)}
              />
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
