/** Unseen by people: password managers store the new password under this address. */
export function UsernameForPasswordManager({ email }: { email: string }) {
  return <input type="email" autocomplete="username" value={email} readonly hidden />
}
