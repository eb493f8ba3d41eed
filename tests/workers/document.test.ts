import { spawnSync } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { runWrangler } from '../../scripts/wrangler.ts'
import { readBlocks, readText } from '../deployment/document.ts'
import { isUnix, itWhere } from '../support/it_where.ts'

const ROOT = new URL('../../', import.meta.url)
const DOCUMENT = new URL('docs/workers.md', ROOT)

/** `npx wrangler hyperdrive get …`, and all that was written on its line and the ones that it goes on with. */
const WRANGLER = /npx wrangler ((?:[a-z][a-z-]*(?=\s| |`) ?)+)(.*)/g

describe('docs/workers.md', () => {
  let text: string
  let commands: string[]
  beforeAll(async () => {
    text = await readText(DOCUMENT)
    commands = [...(await readBlocks(DOCUMENT)).values()].flat().map((block) => block.text)
  })

  itWhere(isUnix)('has commands that a shell can read', async () => {
    expect(commands.length).toBeGreaterThan(7)
    for (const command of commands) {
      const { stderr } = spawnSync('sh', ['-n'], { input: command, encoding: 'utf8' })
      expect([command, stderr]).toEqual([command, ''])
    }
  })

  it('logs in before the first command that needs an account', () => {
    const [first, ...rest] = commands.join('\n').matchAll(WRANGLER)
    expect(first?.[0]).toBe('npx wrangler login')
    expect(rest.length).toBeGreaterThan(4)
  })

  it('names commands and options of wrangler that there are', () => {
    for (const [, command = '', options = ''] of commands
      .join('\n')
      .replaceAll('\\\n', ' ')
      .matchAll(WRANGLER)) {
      const words = command
        .trim()
        .split(' ')
        .filter((word) => word !== 'auth-agent')
      const help = runWrangler('pipe', ...words, '--help')
      for (const [option] of options.matchAll(/(?<=\s|^)--?[a-z][a-z-]*/g))
        expect(help, `${command}${option}`).toMatch(new RegExp(`(^|[ ,])${option}\\b(?!-)`, 'm'))
    }
  })

  it('names files that are there', async () => {
    const paths = text.match(/\b(workers|scripts|tests|supabase|docs|decisions)\/[\w./-]*\w/g) ?? []
    expect(paths.length).toBeGreaterThan(7)
    for (const path of new Set(paths.filter((each) => !each.includes('.dev.vars')))) {
      const base = path.startsWith('decisions/') ? DOCUMENT : ROOT
      const isThere = await stat(fileURLToPath(new URL(path, base))).then(
        () => true,
        () => false,
      )
      expect([path, isThere]).toEqual([path, true])
    }
  })
})
