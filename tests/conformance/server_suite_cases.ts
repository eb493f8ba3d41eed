import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startListeningServer } from '../support/listening_server.ts'
import type { TestServer } from '../support/server.ts'
import { type Check, countScenarios, findFlaws, runServerSuite } from './server_suite.ts'
import {
  type Start,
  type Subject,
  startBare,
  startProtected,
  WITH_TOOL_SCOPES,
  WITHOUT_TOOL_SCOPES,
} from './subjects.ts'
import { startTokenForwarder } from './token_forwarder.ts'

/** The revisions that the suite has scenarios for, and how many it had when this was written. */
const REVISIONS = [
  { revision: '2025-06-18', scenarios: 27 },
  { revision: '2025-11-25', scenarios: 33 },
  { revision: '2026-07-28', scenarios: 40 },
]
const PROTECTIONS = [
  { protection: 'without a table of tools, introspecting', options: WITHOUT_TOOL_SCOPES },
  { protection: 'with a table of tools and a filtered list, validating locally', options: WITH_TOOL_SCOPES },
]

/** The suite's scenarios for servers, against one server bare, and protected in each way. */
export function describeServerSuite(name: string, start: Start): void {
  describe(name, () => {
    let authServer: TestServer
    let bare: Subject
    /** What the suite says of the bare server, by revision. */
    const passed = new Map<string, Check[]>()

    beforeAll(async () => {
      authServer = await startListeningServer()
      bare = await startBare(start)
    })
    afterAll(async () => {
      await bare?.close()
      await authServer?.close()
    })

    it.each(REVISIONS)(
      'passes every check of $revision without our middleware',
      async ({ revision, scenarios }) => {
        const checks = await runServerSuite(bare.url, revision)
        expect(findFlaws(checks)).toEqual([])
        expect(countScenarios(checks)).toBeGreaterThanOrEqual(scenarios)
        passed.set(revision, checks)
      },
    )

    describe.each(PROTECTIONS)('$protection', ({ options }) => {
      let subject: Subject
      let url: string

      beforeAll(async () => {
        const started = await startProtected(start, authServer, options)
        const forwarder = await startTokenForwarder(started.url, started.token)
        url = forwarder.url
        subject = {
          ...started,
          async close() {
            forwarder.close()
            await started.close()
          },
        }
      })
      afterAll(() => subject?.close())

      it('lets nobody through without a token', async () => {
        expect((await fetch(subject.url, { method: 'POST', body: '{}' })).status).toBe(401)
      })

      it.each(REVISIONS)('passes the same checks of $revision behind it', async ({ revision }) => {
        const checks = await runServerSuite(url, revision)
        expect(findFlaws(checks)).toEqual([])
        expect(checks).toEqual(passed.get(revision))
      })
    })
  })
}
