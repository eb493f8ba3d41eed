import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { McpServer, ServerContext, ServerNotifier } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { answer, text } from './content.ts'
import type { Signals } from './signals.ts'

/** The suite asks for pauses between what a tool sends, so that it cannot arrive in one piece by chance. */
const PAUSE_MS = 50

/** Tools that send something before they answer, that lose their connection, or that take much. */
export function registerStreamingTools(server: McpServer, signals: Signals, changes: ServerNotifier): void {
  server.registerTool('test_tool_with_logging', { description: 'Logs three lines' }, async ({ mcpReq }) => {
    await mcpReq.log('info', 'Tool execution started')
    await wait(PAUSE_MS)
    await mcpReq.log('info', 'Tool processing data')
    await wait(PAUSE_MS)
    await mcpReq.log('info', 'Tool execution completed')
    return answer(text('Logged three lines.'))
  })
  server.registerTool('test_logging_tool', { description: 'Logs a line' }, async ({ mcpReq }) => {
    await mcpReq.log('info', 'Only those who asked for logs see this')
    return answer(text('Logged a line.'))
  })
  server.registerTool('test_tool_with_progress', { description: 'Reports progress' }, async (context) => {
    for (const progress of [0, 50, 100]) {
      await reportProgress(context, progress)
      if (progress < 100) await wait(PAUSE_MS)
    }
    return answer(text('Reported progress.'))
  })
  server.registerTool(
    'test_reconnection',
    { description: 'Loses its connection before it answers' },
    async ({ http }) => {
      http?.closeSSE?.()
      await wait(PAUSE_MS)
      return answer(text('Answered after the connection was lost.'))
    },
  )
  server.registerTool(
    'wait_for_signal',
    {
      description: 'Reports progress at once, and answers after a signal',
      inputSchema: z.object({ signal: z.string() }),
    },
    async ({ signal }, context) => {
      await reportProgress(context, 1)
      await signals.wait(signal)
      return answer(text(`Received ${signal}.`))
    },
  )
  server.registerTool(
    'send_signal',
    { description: 'Sends a signal', inputSchema: z.object({ signal: z.string() }) },
    ({ signal }) => {
      signals.send(signal)
      return answer(text(`Sent ${signal}.`))
    },
  )
  server.registerTool(
    'digest',
    {
      description: 'Answers with the SHA-256 of a text in UTF-8',
      inputSchema: z.object({ text: z.string() }),
    },
    (args) => answer(text(createHash('sha256').update(args.text).digest('hex'))),
  )
  server.registerTool('test_trigger_tool_change', { description: 'Announces a change of the tools' }, () => {
    changes.toolsChanged()
    return answer(text('Announced.'))
  })
  server.registerTool(
    'test_trigger_prompt_change',
    { description: 'Announces a change of the prompts' },
    () => {
      changes.promptsChanged()
      return answer(text('Announced.'))
    },
  )
}

async function reportProgress({ mcpReq }: ServerContext, progress: number): Promise<void> {
  const progressToken = mcpReq._meta?.progressToken
  if (progressToken === undefined) return
  await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } })
}
