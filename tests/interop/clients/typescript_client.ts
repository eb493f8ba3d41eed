import * as v2 from '@modelcontextprotocol/client'
import * as auth1 from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createMcpOAuthClient, type McpOAuthClient } from '../../support/mcp_oauth_client.ts'
import { type ClientOptions, type McpClient, offering, STATELESS_REVISION, textOf } from './client.ts'

const INFO = { name: 'desk', version: '1.0.0' }

/** A client on the official SDK, 2.x. */
export async function connectTypeScriptClient2(options: ClientOptions): Promise<McpClient> {
  const { url, revision } = options
  const provider = createProvider(options)
  const mode = revision === STATELESS_REVISION ? { versionNegotiation: { mode: { pin: revision } } } : {}
  const createTransport = () =>
    new v2.StreamableHTTPClientTransport(new URL(url), {
      authProvider: provider,
      ...(revision !== STATELESS_REVISION && { fetch: offering(revision) }),
    })
  const connect = async () => {
    const client = new v2.Client(INFO, mode)
    await client.connect(createTransport())
    return client
  }
  async function authorized<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof v2.UnauthorizedError)) throw error
      const answer = await sendToBrowser(provider, options)
      await createTransport().finishAuth(answer.searchParams)
      return work()
    }
  }
  let client = await authorized(connect)
  return {
    revision: client.getNegotiatedProtocolVersion() ?? '',
    async call(name, args) {
      return textOf(
        await authorized(async () => {
          // A new connection: the one on which it was refused may have ended with the refusal.
          client = await connect()
          return client.callTool({ name, arguments: args })
        }),
      )
    },
    credentials: async () => credentialsOf(provider),
    close: () => client.close(),
  }
}

/** A client on the official SDK, 1.x, which leaves the step-up to its user. */
export async function connectTypeScriptClient1(options: ClientOptions): Promise<McpClient> {
  const { url, revision } = options
  const provider = createProvider(options) as McpOAuthClient & auth1.OAuthClientProvider
  const challenges: string[] = []
  const createTransport = () =>
    new Transport1(new URL(url), { authProvider: provider, fetch: watching(offering(revision), challenges) })
  let negotiated: string | undefined
  const connect = async () => {
    const client = new Client1(INFO)
    const transport = createTransport()
    await client.connect(transport as Parameters<Client1['connect']>[0])
    negotiated = transport.protocolVersion
    return client
  }
  const finish = async () => {
    const answer = await sendToBrowser(provider, options)
    await createTransport().finishAuth(answer.searchParams.get('code') ?? '')
  }
  async function authorized<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      const needed = /error="insufficient_scope".*scope="([^"]*)"/.exec(challenges.at(-1) ?? '')?.[1]
      if (error instanceof auth1.UnauthorizedError) await finish()
      else if (needed !== undefined) await stepUp(needed)
      else throw error
      return work()
    }
  }
  async function stepUp(needed: string): Promise<void> {
    const scope = [...new Set([...(provider.granted?.scope ?? '').split(' '), ...needed.split(' ')])].join(
      ' ',
    )
    provider.granted = undefined
    await auth1.auth(provider, { serverUrl: url, scope })
    await finish()
  }
  let client = await authorized(connect)
  return {
    revision: negotiated ?? '',
    async call(name, args) {
      return textOf(
        await authorized(async () => {
          client = await connect()
          return client.callTool({ name, arguments: args })
        }),
      )
    },
    credentials: async () => credentialsOf(provider),
    close: () => client.close(),
  }
}

function createProvider({ redirectUri, clientName }: ClientOptions): McpOAuthClient {
  const provider = createMcpOAuthClient(redirectUri)
  return Object.assign(provider, {
    clientMetadata: { ...provider.clientMetadata, client_name: clientName },
  })
}

async function sendToBrowser(provider: McpOAuthClient, { authorize }: ClientOptions): Promise<URL> {
  const request = provider.requests.at(-1)
  if (request === undefined) throw new Error('The SDK asked for no authorization.')
  const answer = await authorize(request)
  if (answer.searchParams.get('state') !== request.searchParams.get('state'))
    throw new Error(`The state is another: ${answer.search}`)
  return answer
}

function credentialsOf({ granted, registration }: McpOAuthClient) {
  return {
    access_token: granted?.access_token ?? '',
    refresh_token: granted?.refresh_token ?? '',
    scope: granted?.scope ?? '',
    client_id: registration?.client_id ?? '',
  }
}

function watching(inner: typeof fetch, challenges: string[]): typeof fetch {
  return async (input, init) => {
    const response = await inner(input, init)
    if (response.status === 403 || response.status === 401)
      challenges.push(response.headers.get('WWW-Authenticate') ?? '')
    return response
  }
}
