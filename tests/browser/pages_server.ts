import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext } from 'playwright-core'
import { findAsset } from '../../server/src/pages/assets.ts'
import { addAuthenticator, openWatchedPage } from '../support/chromium.ts'

/** A server on loopback that answers with what `answer` makes of the request; its assets come along. */
export async function servePages(
  answer: (path: string, request: PageRequest) => Response | undefined | Promise<Response | undefined>,
) {
  const server = createServer(async (incoming, outgoing) => {
    const path = (incoming.url ?? '/').replace(/^\/tenant/, '')
    const response =
      findAsset(path) ??
      (await answer(path, await readRequest(incoming))) ??
      new Response('Nothing here.', { status: 404 })
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    outgoing.end(await response.text())
  })
  await new Promise<void>((resolve) => {
    server.listen(0, 'localhost', resolve)
  })
  const { port } = server.address() as AddressInfo
  return { origin: `http://localhost:${port}`, close: () => server.close() }
}

export interface PageRequest {
  method: string
  csrf: string | undefined
  body: string
}

async function readRequest(incoming: IncomingMessage): Promise<PageRequest> {
  const chunks: Uint8Array[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const csrf = incoming.headers['x-csrf-token']?.toString()
  return { method: incoming.method ?? 'GET', csrf, body: Buffer.concat(chunks).toString() }
}

/** A page on a device that keeps passkeys and always finds its owner present, with what its console complained of. */
export async function openPage(context: BrowserContext, url: string) {
  const opened = await openWatchedPage(context)
  await addAuthenticator(opened.page)
  await opened.page.goto(url)
  return opened
}
