import { spawnSync } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { isUnix, itWhere } from '../support/it_where.ts'
import { readBlocks, readText } from './document.ts'

const ROOT = new URL('../../', import.meta.url)

describe('DEPLOYMENT.md', () => {
  itWhere(isUnix)('has commands that a shell can read', async () => {
    const commands = [...(await readBlocks()).values()].flat().filter(({ language }) => language === 'sh')
    expect(commands.length).toBeGreaterThan(10)
    for (const { text } of commands) {
      const { stderr } = spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' })
      expect([text, stderr]).toEqual([text, ''])
    }
  })

  it('names files that are there', async () => {
    const text = await readText()
    const paths = text.match(/\b(deploy|tests|examples|docs|supabase)\/[\w./-]*\w/g) ?? []
    expect(paths.length).toBeGreaterThan(10)
    for (const path of new Set(paths)) {
      const isThere = await stat(fileURLToPath(new URL(path, ROOT))).then(
        () => true,
        () => false,
      )
      expect([path, isThere]).toEqual([path, true])
    }
  })
})

describe('what we say of databases', () => {
  it.each(['DEPLOYMENT.md', 'docs/workers.md', 'deploy/kubernetes/secrets.example.yaml'])(
    'speaks TLS with those of other machines: %s',
    async (name) => {
      const text = await readFile(new URL(name, ROOT), 'utf8')
      const urls = text.match(/(?<=DATABASE_URL(=|: )'?)postgres:[^\s']+/g) ?? []
      expect(urls.length).toBeGreaterThan(0)
      for (const url of urls) expect(url).toMatch(/\?sslmode=verify-full&sslrootcert=\S+$/)
    },
  )
})
