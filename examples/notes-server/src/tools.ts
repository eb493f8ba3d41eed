import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { MAX_NOTES, type Notes } from './notes.ts'

/** What a call of each tool needs. A call that is not allowed is answered 403 before it comes here. */
export const TOOL_SCOPES: Readonly<Record<string, readonly string[]>> = {
  list_notes: ['notes:read'],
  read_note: ['notes:read'],
  save_note: ['notes:write'],
  delete_note: ['notes:delete'],
}

const title = z.string().min(1).max(200)

/** The tools for the notes of one person. */
export function createNotesServer(notes: Notes, owner: string): McpServer {
  const mcp = new McpServer({ name: 'notes-server', version: '0.1.0' })
  mcp.registerTool('list_notes', { description: 'List the titles of your notes' }, () =>
    answer(notes.list(owner).map((note) => note.title)),
  )
  mcp.registerTool(
    'read_note',
    { description: 'Read a note', inputSchema: z.object({ title }) },
    ({ title }) => {
      const note = notes.find(owner, title)
      return note === undefined ? refuse(`There is no note '${title}'.`) : answer(note)
    },
  )
  mcp.registerTool(
    'save_note',
    {
      description: 'Write a note, in place of one with the same title',
      inputSchema: z.object({ title, text: z.string().max(100_000) }),
    },
    (note) =>
      notes.save(owner, note, new Date())
        ? answer(`Saved '${note.title}'.`)
        : refuse(`You have ${MAX_NOTES} notes, which is all that fit: delete one first.`),
  )
  mcp.registerTool(
    'delete_note',
    { description: 'Delete a note', inputSchema: z.object({ title }) },
    ({ title }) =>
      notes.remove(owner, title) ? answer(`Deleted '${title}'.`) : refuse(`There is no note '${title}'.`),
  )
  return mcp
}

function answer(result: unknown) {
  const text = typeof result === 'string' ? result : JSON.stringify(result)
  return { content: [{ type: 'text' as const, text }] }
}

function refuse(why: string) {
  return { ...answer(why), isError: true }
}
