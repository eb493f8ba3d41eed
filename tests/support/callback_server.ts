import { EventEmitter, once } from 'node:events'
import { listenOnLoopback } from './loopback.ts'

/** A client's redirect URI on this machine: what comes to it, and a page that says so. */
export interface CallbackServer {
  url: string
  /** Waits for the next answer of the authorization server. */
  next(): Promise<URL>
  /** The same, as a request: form_post comes as a POST. */
  nextRequest(): Promise<Request>
  close(): Promise<void>
}

export async function startCallbackServer(): Promise<CallbackServer> {
  const arrivals: Request[] = []
  const events = new EventEmitter()
  const loopback = await listenOnLoopback(() => async (request) => {
    const url = new URL(request.url)
    if (url.pathname !== '/callback') return new Response(null, { status: 404 })
    arrivals.push(await keep(request))
    events.emit('arrival')
    return new Response('<!doctype html><title>Connected</title><p>You can go back to your app.', {
      headers: { 'Content-Type': 'text/html' },
    })
  })
  async function nextRequest(): Promise<Request> {
    for (;;) {
      const arrival = arrivals.shift()
      if (arrival !== undefined) return arrival
      await once(events, 'arrival')
    }
  }
  return {
    url: `http://127.0.0.1:${loopback.port}/callback`,
    nextRequest,
    next: async () => new URL((await nextRequest()).url),
    close: loopback.close,
  }
}

/** A copy that can be read when the connection is gone. */
async function keep(request: Request): Promise<Request> {
  const { url, method, headers } = request
  if (method !== 'POST') return new Request(url)
  const type = headers.get('Content-Type') ?? ''
  return new Request(url, { method, headers: { 'Content-Type': type }, body: await request.text() })
}
