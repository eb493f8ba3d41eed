/**
 * What the server and those who ask it have to agree on. The clients are configured, not registered: the faster way of the two that the
 * manual has for a client, since a registered one is looked up in storage for each request, and hashed to find it in a cache.
 */

/** Asks for tokens of its own, and introspects. */
export const SERVICE = {
  client_id: 'service',
  client_secret: 'secret-of-a-client-that-lives-for-one-benchmark',
}

/** As MCP clients are: public, and on a person's machine. */
export const NATIVE_APP = {
  client_id: 'native-app',
  client_name: 'An app',
  redirect_uri: 'http://127.0.0.1/callback',
}

export const SCOPE = 'tools:use'

/** Its access tokens are JWTs, signed by ES256. */
export const RESOURCE = 'https://mcp.example/mcp'

/** Its access tokens are opaque, since `oidc-provider` introspects no others. */
export const INTROSPECTING_RESOURCE = 'https://api.example/'
