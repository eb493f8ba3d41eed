import { expect, it } from 'vitest'
import { checkCachingDisabled } from './deploy_workers.ts'

const HEADLINE = ' ⛅️ wrangler 4\n──────────────\n'

it('lets a Hyperdrive pass whose query cache is off', () => {
  checkCachingDisabled('an-id', `${HEADLINE}{ "id": "an-id", "caching": { "disabled": true } }`)
})

it.each(['{ "id": "an-id" }', '{ "caching": { "disabled": false } }', '{ "caching": { "max_age": 60 } }'])(
  'refuses one that says %s',
  (json) => {
    expect(() => checkCachingDisabled('an-id', HEADLINE + json)).toThrow(
      'update an-id --caching-disabled true',
    )
  },
)
