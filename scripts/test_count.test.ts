import { describe, expect, it } from 'vitest'
import { countJunit } from './python_tests.ts'
import { countReport } from './vitest_tests.ts'

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((each) => ({ status: each })),
})

describe('counting a report of vitest', () => {
  it('counts tests by their outcome', () => {
    const report = { testResults: [file('passed', 'passed', 'passed'), file('failed', 'passed', 'failed')] }
    expect(countReport(report, 1)).toEqual({ passed: 3, failed: 1, skipped: 0 })
  })

  it('counts a file that could not be loaded as one failure', () => {
    const report = { testResults: [file('passed', 'passed'), file('failed')] }
    expect(countReport(report, 1)).toEqual({ passed: 1, failed: 1, skipped: 0 })
  })

  it('counts what was left out', () => {
    const report = { testResults: [file('passed', 'passed', 'pending', 'todo', 'skipped')] }
    expect(countReport(report, 0)).toEqual({ passed: 1, failed: 0, skipped: 3 })
  })

  it('takes a bad exit status for a failure', () => {
    expect(countReport({ testResults: [file('passed', 'passed')] }, 1)).toEqual({
      passed: 1,
      failed: 1,
      skipped: 0,
    })
  })
})

describe('counting a report of pytest', () => {
  const xml = '<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="1">'

  it('adds up its attributes', () => {
    expect(countJunit(xml, 1)).toEqual({ passed: 4, failed: 3, skipped: 3 })
  })

  it('takes a missing report for a failure', () => {
    expect(countJunit('', 4)).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })
})
