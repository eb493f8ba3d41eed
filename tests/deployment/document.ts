import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect } from 'vitest'

const DOCUMENT = new URL('../../DEPLOYMENT.md', import.meta.url)

/** What stands between fences. */
export interface Block {
  /** What the fence says; `sh` where it says nothing. */
  language: string
  text: string
}

export function readText(document = DOCUMENT): Promise<string> {
  return readFile(document, 'utf8')
}

/** The blocks below each heading of DEPLOYMENT.md, or of another document, in order. */
export async function readBlocks(document = DOCUMENT): Promise<Map<string, Block[]>> {
  const sections = new Map<string, Block[]>()
  const lines = (await readText(document)).split('\n')
  let blocks: Block[] = []
  let open: (Block & { indentation: number }) | undefined
  for (const line of lines) {
    const fence = /^(\s*)```(\w*)$/.exec(line)
    const heading = /^## (.+)$/.exec(line)?.[1]
    if (heading !== undefined) {
      blocks = []
      sections.set(heading, blocks)
    } else if (fence && open) {
      blocks.push(open)
      open = undefined
    } else if (fence) open = { language: fence[2] || 'sh', text: '', indentation: fence[1]?.length ?? 0 }
    else if (open) open.text += `${line.slice(open.indentation)}\n`
  }
  return sections
}

/** The block of a section that contains a text. There is exactly one. */
export function findBlock(sections: ReadonlyMap<string, Block[]>, heading: string, part: string): string {
  const found = (sections.get(heading) ?? []).filter((block) => block.text.includes(part))
  expect([heading, part, found.length]).toEqual([heading, part, 1])
  return found[0]?.text ?? ''
}

/** The statements of a block of SQL. */
export function statementsOf(sql: string): string[] {
  return sql
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}

/** A shell that runs one block after the other, in one folder, and keeps what they export. */
export interface Shell {
  env: Record<string, string>
  /** Rejects with what the block complained of. */
  run(block: string): Promise<string>
}

export function openShell(cwd: string, env: Readonly<Record<string, string>>): Shell {
  const shell: Shell = {
    env: { ...env },
    async run(block) {
      const folder = await mkdtemp(join(tmpdir(), 'auth-agent-shell-'))
      const file = join(folder, 'env')
      const script = `${block}\nexec node --eval 'require("node:fs").writeFileSync(process.argv[1], JSON.stringify(process.env))' '${file}'`
      const child = spawn('sh', ['-euc', script], { cwd, env: shell.env, stdio: ['ignore', 'pipe', 'pipe'] })
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close'),
      ])
      if (code === 0) shell.env = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>
      await rm(folder, { recursive: true, force: true })
      if (code !== 0) throw new Error(`${block}\n${stderr}`)
      return stdout
    },
  }
  return shell
}
