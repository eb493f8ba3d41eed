import { EventEmitter, once } from 'node:events'
import { listenOnLoopback } from './loopback.ts'

/** A client's redirect URI on this machine: what comes to it, and a page that says so. */
export interface CallbackServer {
  url: string
  /** Waits for the next answer of the authorization server: the callback with its parameters, also those of form_post. */
  next(): Promise<URL>
  close(): Promise<void>
}

export async function startCallbackServer(): Promise<CallbackServer> {
  const arrivals: URL[] = []
  const events = new EventEmitter()
  const loopback = await listenOnLoopback(() => async (request) => {
    const url = new URL(request.url)
    if (url.pathname !== '/callback') return new Response(null, { status: 404 })
    if (request.method === 'POST') url.search = await request.text()
    arrivals.push(url)
    events.emit('arrival')
    return new Response('<!doctype html><title>Connected</title><p>You can go back to your app.', {
      headers: { 'Content-Type': 'text/html' },
    })
  })
  return {
    url: `http://127.0.0.1:${loopback.port}/callback`,
    async next() {
      if (arrivals.length === 0) await once(events, 'arrival')
      return arrivals.shift() as URL
    },
    close: loopback.close,
  }
}
