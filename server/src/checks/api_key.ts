/** The two parts of an MCP server's API key. */
export interface ApiKey {
  /** The id of its row; may be logged. */
  keyId: string
  secret: string
}

const API_KEY = /^sk_([a-z2-7]{26})_([\w-]{43})$/

/** Takes an API key apart; undefined for what is none. */
export function parseApiKey(text: string): ApiKey | undefined {
  const [, id, secret] = API_KEY.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { keyId: `key_${id}`, secret }
}

/** Writes an API key so that a scanner finds it where it leaked, and its id says which it was. */
export function formatApiKey({ keyId, secret }: ApiKey): string {
  return `sk_${keyId.slice('key_'.length)}_${secret}`
}
