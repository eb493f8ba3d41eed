import { expect, test } from 'vitest'
import { Outage } from './outage.ts'
import { createTestPlatform } from './testing/platform.ts'

function createOutage() {
  const platform = createTestPlatform(async () => new Response())
  return { platform, outage: new Outage(platform) }
}

test('a failure is told when it begins, and when it is over', () => {
  const { platform, outage } = createOutage()
  outage.end('works again')
  for (let hour = 0; hour < 5; hour += 1) {
    outage.fail('fails')
    platform.seconds += 3600
  }
  outage.end('works again')
  outage.end('works again')
  expect(platform.warnings).toEqual(['fails', 'works again'])
})

test('a failure in another way is told, but not at once', () => {
  const { platform, outage } = createOutage()
  outage.fail('is not reached')
  platform.seconds += 9
  outage.fail('is not registered')
  expect(platform.warnings).toEqual(['is not reached'])
  platform.seconds += 1
  outage.fail('is not registered')
  expect(platform.warnings).toEqual(['is not reached', 'is not registered'])
})

test('what comes and goes is told once in 10 s', () => {
  const { platform, outage } = createOutage()
  for (let turn = 0; turn < 200; turn += 1) {
    outage.fail('fails')
    outage.end('works again')
    platform.seconds += 0.1
  }
  expect(platform.warnings).toEqual(['fails', 'works again', 'fails', 'works again'])
})
