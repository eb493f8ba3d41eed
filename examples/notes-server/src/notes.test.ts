import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_NOTES, Notes } from './notes.ts'

const NOW = new Date('2026-11-24T12:00:00.000Z')
const LATER = new Date('2026-11-24T13:00:00.000Z')

describe('notes', () => {
  let notes: Notes

  beforeEach(() => {
    notes = new Notes(':memory:')
  })
  afterEach(() => notes.close())

  it('are kept, listed in the order of their titles, replaced and removed', () => {
    notes.save('ann', { title: 'b', text: 'second' }, NOW)
    notes.save('ann', { title: 'a', text: 'first' }, NOW)
    notes.save('ann', { title: 'b', text: 'changed' }, LATER)
    expect(notes.list('ann')).toEqual([
      { title: 'a', text: 'first', changed_at: NOW.toISOString() },
      { title: 'b', text: 'changed', changed_at: LATER.toISOString() },
    ])
    expect(notes.remove('ann', 'a')).toBe(true)
    expect(notes.remove('ann', 'a')).toBe(false)
    expect(notes.find('ann', 'a')).toBeUndefined()
  })

  it('are their owner’s alone, also where titles are the same', () => {
    notes.save('ann', { title: 'plan', text: "ann's" }, NOW)
    notes.save('bob', { title: 'plan', text: "bob's" }, NOW)
    expect(notes.find('ann', 'plan')?.text).toBe("ann's")
    expect(notes.remove('bob', 'plan')).toBe(true)
    expect(notes.list('ann')).toHaveLength(1)
    expect(notes.list("ann' or '1'='1")).toEqual([])
  })

  it('of one person do not grow without end, and the last ones can still be changed', () => {
    for (let count = 0; count < MAX_NOTES; count += 1) notes.save('ann', { title: `${count}`, text: '' }, NOW)
    expect(notes.save('ann', { title: 'one more', text: '' }, NOW)).toBe(false)
    expect(notes.save('ann', { title: '7', text: 'changed' }, NOW)).toBe(true)
    expect(notes.save('bob', { title: 'first', text: '' }, NOW)).toBe(true)
  })
})
