import { listenOnLoopback } from '../support/loopback.ts'

/** A client that is known by the metadata document (CIMD) that it serves on this machine. */
export interface ClientApp {
  /** The URL of the document. */
  clientId: string
  redirectUri: string
  postLogoutRedirectUri: string
  close(): Promise<void>
}

export async function startClientApp(): Promise<ClientApp> {
  const { port, close } = await listenOnLoopback((port) => {
    const document = documentOf(port)
    return ({ url }) =>
      url === document.client_id ? Response.json(document) : new Response(null, { status: 404 })
  })
  const document = documentOf(port)
  return {
    clientId: document.client_id,
    redirectUri: document.redirect_uris[0],
    postLogoutRedirectUri: document.post_logout_redirect_uris[0],
    close,
  }
}

function documentOf(port: number) {
  const origin = `http://127.0.0.1:${port}`
  return {
    client_id: `${origin}/oauth/client.json`,
    client_name: 'Desk',
    redirect_uris: [`${origin}/callback`],
    post_logout_redirect_uris: [`${origin}/goodbye`],
    token_endpoint_auth_method: 'none',
  } as const
}
