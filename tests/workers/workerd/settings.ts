/** Where wrangler looks for the database that Hyperdrive leads to on this machine. */
export const LOCAL_DATABASE = 'CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE'

export const ISSUER = 'http://localhost:8787'
export const OWNER = { email: 'owner@example.com', password: 'correct horse battery staple' }

/** What `wrangler secret put` would set. */
export const SECRETS = {
  AUTH_AGENT_SECRET: 'a server secret for tests only of 32 bytes or more',
  AUTH_AGENT_OWNER_EMAIL: OWNER.email,
  AUTH_AGENT_OWNER_PASSWORD: OWNER.password,
}
