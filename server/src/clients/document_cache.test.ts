import { beforeEach, describe, expect, it } from 'vitest'
import { createDocumentCache, type DocumentCache } from './document_cache.ts'
import { PublicFetchError } from './public_fetch.ts'

const URL_A = 'https://a.example/document.json'
const MINUTE = 60_000

let now: number
let fetched: string[]
/** What the host answers next. */
let answer: () => Promise<{ body?: object; cacheControl?: string }>
let cache: DocumentCache<{ version: number }>

beforeEach(() => {
  now = 1_000_000
  fetched = []
  let version = 0
  answer = async () => {
    version += 1
    return { body: { version } }
  }
  cache = createDocumentCache({
    limits: { maxBytes: 100, contentTypes: ['application/json'] },
    now: () => now,
    parse: (body) => JSON.parse(Buffer.from(body).toString()) as { version: number },
    async fetchPublicUrl(url) {
      fetched.push(url.href)
      const { body, cacheControl = '' } = await answer()
      const text = body === undefined ? 'no JSON' : JSON.stringify(body)
      return { body: Buffer.from(text), contentType: 'application/json', cacheControl }
    },
  })
})

/** For how many minutes a document with this header is kept, as far as 25 hours. */
async function minutesKept(cacheControl: string): Promise<number> {
  answer = async () => ({ body: { version: 1 }, cacheControl })
  await cache.get(URL_A)
  for (let minutes = 1; minutes <= 1_500; minutes += 1) {
    now += MINUTE
    await cache.get(URL_A)
    if (fetched.length > 1) return minutes - 1
  }
  return 1_500
}

const unreachable = async () => {
  throw new PublicFetchError('unreachable', 'a.example cannot be reached.')
}

describe('a document', () => {
  it.each([
    ['', 5],
    ['no-store', 5],
    ['no-cache, max-age=86400', 5],
    ['max-age=0', 5],
    ['public, max-age=3600', 60],
    ['max-age="3600"', 60],
    ['MAX-AGE = 3600', 60],
    ['max-age=86400', 1_440],
    ['max-age=999999999', 1_440],
    ['max-age=nonsense', 5],
    ['s-maxage=3600', 5],
  ])('with Cache-Control "%s" is kept for %i minutes', async (cacheControl, minutes) => {
    expect(await minutesKept(cacheControl)).toBe(minutes)
  })

  it('is fetched once for all who ask at the same time', async () => {
    const documents = await Promise.all(Array.from({ length: 50 }, () => cache.get(URL_A)))
    expect(fetched).toEqual([URL_A])
    expect(new Set(documents).size).toBe(1)
  })

  it('is fetched for each URL', async () => {
    await cache.get(URL_A)
    await cache.get('https://a.example/other.json')
    expect(fetched).toHaveLength(2)
  })

  it('makes room: no more than a thousand are kept', async () => {
    for (let index = 0; index <= 1_000; index += 1) await cache.get(`https://a.example/${index}`)
    await cache.get('https://a.example/1000')
    expect(fetched).toHaveLength(1_001)
    await cache.get('https://a.example/0')
    expect(fetched).toHaveLength(1_002)
  })
})

describe('an error', () => {
  it('is told to all who wait, and not kept', async () => {
    const works = answer
    answer = unreachable
    const asked = [cache.get(URL_A), cache.get(URL_A)]
    for (const one of asked) await expect(one).rejects.toMatchObject({ code: 'unreachable' })
    expect(fetched).toHaveLength(1)
    answer = works
    expect(await cache.get(URL_A)).toEqual({ version: 1 })
  })

  it('of the document itself is not kept either', async () => {
    const works = answer
    answer = async () => ({})
    await expect(cache.get(URL_A)).rejects.toThrow(SyntaxError)
    answer = works
    expect(await cache.get(URL_A)).toEqual({ version: 1 })
  })

  it('that comes ten times in a minute ends the asking of that host for the rest of it', async () => {
    answer = unreachable
    for (let attempt = 0; attempt < 15; attempt += 1) {
      await expect(cache.get(`https://a.example/${attempt}`)).rejects.toMatchObject({ code: 'unreachable' })
    }
    expect(fetched).toHaveLength(10)
    await expect(cache.get(URL_A)).rejects.toThrow(/a.example fail(ed|s) too often just now/)
    await expect(cache.get('https://b.example/')).rejects.toThrow('cannot be reached')
    expect(fetched).toHaveLength(11)
    now += MINUTE + 1
    await expect(cache.get(URL_A)).rejects.toThrow('cannot be reached')
    expect(fetched).toHaveLength(12)
  })
})

describe('a document that may have changed', () => {
  it('is fetched anew, and is what others get from then on', async () => {
    expect(await cache.get(URL_A)).toEqual({ version: 1 })
    now += MINUTE + 1
    expect(await cache.refresh(URL_A)).toEqual({ version: 2 })
    expect(await cache.get(URL_A)).toEqual({ version: 2 })
  })

  it('is asked for once a minute, however often somebody has reason to', async () => {
    await cache.get(URL_A)
    expect(await cache.refresh(URL_A)).toBeUndefined()
    for (let second = 0; second < 305; second += 1) {
      now += 1_000
      await cache.refresh(URL_A)
    }
    expect(fetched).toHaveLength(6)
  })

  it('is asked for once by all who have reason at the same time', async () => {
    await cache.get(URL_A)
    now += MINUTE + 1
    const renewed = await Promise.all(Array.from({ length: 50 }, () => cache.refresh(URL_A)))
    expect(fetched).toHaveLength(2)
    expect(new Set(renewed.map((document) => document?.version))).toEqual(new Set([2]))
  })

  it('is still there when it cannot be had now, and is not asked for again at once', async () => {
    await cache.get(URL_A)
    now += MINUTE + 1
    answer = unreachable
    await expect(cache.refresh(URL_A)).rejects.toMatchObject({ code: 'unreachable' })
    expect(await cache.refresh(URL_A)).toBeUndefined()
    expect(await cache.get(URL_A)).toEqual({ version: 1 })
  })

  it('need not have been asked for before', async () => {
    expect(await cache.refresh(URL_A)).toEqual({ version: 1 })
  })
})
