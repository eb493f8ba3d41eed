import { LRUCache } from 'lru-cache'

/**
 * Workers KV as far as the provider uses it, in the memory of the Worker. What nobody asks for is forgotten at some time, lest the heap
 * grow with each token and client of the benchmark; what is under way is much less than this many.
 */
const ENTRIES = 100_000

/** By the first two parts of their names, as much as each list asks for at least. */
const groups = new Map()

const entries = new LRUCache({ max: ENTRIES, dispose: (_entry, name, reason) => leaveGroup(name, reason) })

export const memoryKv = {
  async get(name, options) {
    const value = entries.get(name)?.value
    if (value === undefined) return null
    return options?.type === 'json' ? JSON.parse(value) : value
  },
  async put(name, value, options) {
    entries.set(name, { value, metadata: options?.metadata })
    const group = groupOf(name)
    if (groups.has(group)) groups.get(group).add(name)
    else groups.set(group, new Set([name]))
  },
  async delete(name) {
    entries.delete(name)
  },
  async list({ prefix }) {
    const names = [...(groups.get(groupOf(prefix)) ?? [])].filter((name) => name.startsWith(prefix))
    return {
      keys: names.map((name) => ({ name, metadata: entries.peek(name)?.metadata })),
      list_complete: true,
    }
  },
}

function groupOf(name) {
  return name.split(':', 2).join(':')
}

function leaveGroup(name, reason) {
  if (reason === 'set') return
  const group = groups.get(groupOf(name))
  group?.delete(name)
  if (group?.size === 0) groups.delete(groupOf(name))
}
