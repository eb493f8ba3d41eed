import type { AccountPageProps } from './account_page.tsx'
import { pathFrom } from './base_path.ts'
import { Field, HiddenFields, NewPasswordField } from './form.tsx'
import { UsernameForPasswordManager } from './username_for_password_manager.tsx'

/** Sets or changes the password. */
export function AccountPassword({ basePath, csrf, user, hasPassword, minPasswordLength }: AccountPageProps) {
  return (
    <section class="card" aria-labelledby="password">
      <h2 id="password">Password</h2>
      {!hasPassword && <p class="empty">You have none. With a passkey you need none.</p>}
      <form method="post" action={pathFrom(basePath, '/account/password')}>
        <HiddenFields fields={{ csrf }} />
        <UsernameForPasswordManager email={user.email} />
        {hasPassword && (
          <Field
            label="Current password"
            name="current_password"
            type="password"
            autocomplete="current-password"
            maxlength={1024}
          />
        )}
        <NewPasswordField
          label="New password"
          name="new_password"
          minLength={minPasswordLength}
          isInvalid={false}
        />
        <button class="button" type="submit">
          {hasPassword ? 'Change the password' : 'Set a password'}
        </button>
      </form>
    </section>
  )
}
