/** What wrangler.jsonc binds, and the variables and secrets beside it. */
export interface Bindings {
  /** The database. Its query cache has to be off. */
  HYPERDRIVE: { connectionString: string }
  /** Requests of one address; without it only the budgets in the database count. */
  REQUEST_LIMIT?: RateLimit
  /** Requests of one address with API keys that nobody has seen accepted yet. */
  API_KEY_LIMIT?: RateLimit
  [variable: string]: unknown
}

/** https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/ */
export interface RateLimit {
  limit(of: { key: string }): Promise<{ success: boolean }>
}

/** What the platform hands over beside a request: it lets work go on after the answer. */
export interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void
}
