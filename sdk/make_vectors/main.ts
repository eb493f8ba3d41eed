import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Case, healthy } from './case.ts'
import { claimCases } from './cases/claims.ts'
import { credentialCases } from './cases/credential.ts'
import { introspectionCases } from './cases/introspection.ts'
import { metadataCases } from './cases/metadata.ts'
import { scopeCases } from './cases/scopes.ts'
import { signatureCases } from './cases/signature.ts'
import { FILE } from './tokens.ts'

const cases: readonly Case[] = [
  ...metadataCases,
  ...credentialCases,
  ...introspectionCases,
  ...signatureCases,
  ...claimCases,
  ...scopeCases,
]

const about =
  'Test vectors of both SDKs, described in test_vectors.md, made by make_vectors/main.ts. Tokens and keys are for tests only.'
writeFileSync(FILE, `${JSON.stringify({ about, authorization_server: healthy, cases }, null, 2)}\n`)
// In the form that the repository's other JSON has.
const biome = fileURLToPath(new URL('../../node_modules/@biomejs/biome/bin/biome', import.meta.url))
execFileSync(process.execPath, [biome, 'format', '--write', fileURLToPath(FILE)])
process.stdout.write(`${cases.length} cases\n`)
