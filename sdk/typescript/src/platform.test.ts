import { expect, test } from 'vitest'
import { createStopwatch } from './platform.ts'

/** A machine with two clocks, in milliseconds. */
function createMachine() {
  const machine = { calendar: 1_764_000_000_000, uptime: 100 }
  const elapsed = createStopwatch(
    () => machine.uptime,
    () => machine.calendar,
  )
  const start = elapsed()
  return {
    pass(time: number, awake: number) {
      machine.calendar += time
      machine.uptime += awake
    },
    since: () => elapsed() - start,
  }
}

test('the time that a machine slept has passed', () => {
  const machine = createMachine()
  machine.pass(10_000, 10_000)
  expect(machine.since()).toBe(10_000)
  machine.pass(3_600_000, 500)
  expect(machine.since()).toBe(3_610_000)
  machine.pass(10_000, 10_000)
  expect(machine.since()).toBe(3_620_000)
})

test('a calendar that is set back takes no time away', () => {
  const machine = createMachine()
  machine.pass(-3_600_000, 5_000)
  expect(machine.since()).toBe(5_000)
  machine.pass(60_000, 0)
  expect(machine.since()).toBe(65_000)
})

test('a calendar that drifts changes little', () => {
  const machine = createMachine()
  for (let second = 0; second < 100; second += 1) {
    machine.pass(1_001, 1_000)
    expect(machine.since()).toBeLessThan(101_000)
  }
})
