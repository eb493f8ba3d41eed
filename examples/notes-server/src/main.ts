import { serve } from '@hono/node-server'
import { createApp } from './app.ts'
import { Notes } from './notes.ts'
import { readSettings, type Settings } from './settings.ts'

try {
  start(readSettings())
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

function start(settings: Settings): void {
  const notes = new Notes(settings.database)
  const { app, close } = createApp(settings, notes)
  const { hostname, port, href } = settings.serverUrl
  const server = serve({ fetch: app.fetch, hostname, port: Number(port || 3002) }, () =>
    console.log(`Serving notes at ${href}`),
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      close()
      server.close(() => notes.close())
    })
  }
}
