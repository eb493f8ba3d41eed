import { readFileSync, writeFileSync } from 'node:fs'
import { type Case, healthy } from './case.ts'
import { claimCases } from './cases/claims.ts'
import { corsCases } from './cases/cors.ts'
import { credentialCases } from './cases/credential.ts'
import { denialCases } from './cases/denials.ts'
import { dpopCases } from './cases/dpop.ts'
import { filterToolCases } from './cases/filter_tools.ts'
import { introspectionCases } from './cases/introspection.ts'
import { keySetCases } from './cases/key_set.ts'
import { metadataCases } from './cases/metadata.ts'
import { publicPathCases } from './cases/public_paths.ts'
import { optionCases } from './cases/refused_options.ts'
import { scopeCases } from './cases/scopes.ts'
import { sessionCases } from './cases/sessions.ts'
import { signatureCases } from './cases/signature.ts'
import { stalenessCases } from './cases/staleness.ts'
import { toolHeaderCases } from './cases/tool_headers.ts'
import { toolScopeCases } from './cases/tool_scopes.ts'
import { checkCases } from './check.ts'
import { FILE } from './tokens.ts'

const cases: readonly Case[] = [
  ...optionCases,
  ...metadataCases,
  ...publicPathCases,
  ...corsCases,
  ...credentialCases,
  ...introspectionCases,
  ...signatureCases,
  ...claimCases,
  ...keySetCases,
  ...denialCases,
  ...stalenessCases,
  ...dpopCases,
  ...sessionCases,
  ...scopeCases,
  ...toolScopeCases,
  ...toolHeaderCases,
  ...filterToolCases,
]

await checkCases(cases)

const about =
  'Test vectors of both SDKs, described in test_vectors.md, made by make_vectors/main.ts. Tokens and keys are for tests only.'

/** A line for each case and each step: a change of one is a change of one line. */
const lines = (items: readonly unknown[]): string => items.map((item) => `\n${JSON.stringify(item)}`).join()
const caseText = ({ steps, ...rest }: Case): string =>
  steps ? `${JSON.stringify(rest).slice(0, -1)},"steps":[${lines(steps)}\n]}` : JSON.stringify(rest)
const top = JSON.stringify({ about, authorization_server: healthy }, null, 1).slice(0, -2)

const text = `${top},\n "cases": [\n${cases.map(caseText).join(',\n')}\n]}\n`
if (!process.argv.includes('--check')) writeFileSync(FILE, text)
else if (readFileSync(FILE, 'utf8') !== text)
  throw new Error('test_vectors.json is not what make_vectors makes')
process.stdout.write(`${cases.length} cases\n`)
