import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'

interface Entry {
  payload: AdapterPayload
  /** In milliseconds since the epoch. */
  expiresAt: number
}

/**
 * Storage in this process, one adapter for each model. The one that comes with `oidc-provider` forgets what is over 1,000 entries, live
 * tokens as well, and walks along all tokens of a grant for each that joins it, so that a refresh takes the longer the more came before
 * it. This one has the same shape, keeps all that is live, and does each in constant time.
 */
export const makeMemoryAdapter: AdapterFactory = () => new MemoryAdapter()

class MemoryAdapter implements Adapter {
  /** In the order in which they expire, since the entries of a model live equally long. */
  readonly #entries = new Map<string, Entry>()
  readonly #idsByGrant = new Map<string, Set<string>>()
  readonly #idByUid = new Map<string, string>()
  readonly #idByUserCode = new Map<string, string>()

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    this.#remove(id)
    this.#removeExpired()
    const expiresAt = expiresIn === undefined ? Number.POSITIVE_INFINITY : Date.now() + expiresIn * 1000
    this.#entries.set(id, { payload, expiresAt })
    const { grantId, uid, userCode } = payload
    if (grantId !== undefined) {
      const ids = this.#idsByGrant.get(grantId) ?? new Set()
      this.#idsByGrant.set(grantId, ids.add(id))
    }
    if (uid !== undefined) this.#idByUid.set(uid, id)
    if (userCode !== undefined) this.#idByUserCode.set(userCode, id)
  }

  async find(id: string | undefined): Promise<AdapterPayload | undefined> {
    const entry = id === undefined ? undefined : this.#entries.get(id)
    return entry !== undefined && entry.expiresAt > Date.now() ? entry.payload : undefined
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.find(this.#idByUid.get(uid))
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.find(this.#idByUserCode.get(userCode))
  }

  async consume(id: string): Promise<void> {
    const entry = this.#entries.get(id)
    if (entry !== undefined) entry.payload.consumed = Math.floor(Date.now() / 1000)
  }

  async destroy(id: string): Promise<void> {
    this.#remove(id)
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const id of this.#idsByGrant.get(grantId) ?? []) this.#remove(id)
  }

  #removeExpired(): void {
    const now = Date.now()
    for (const [id, { expiresAt }] of this.#entries) {
      if (expiresAt > now) return
      this.#remove(id)
    }
  }

  #remove(id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    const { grantId, uid, userCode } = entry.payload
    if (uid !== undefined && this.#idByUid.get(uid) === id) this.#idByUid.delete(uid)
    if (userCode !== undefined) this.#idByUserCode.delete(userCode)
    if (grantId === undefined) return
    const ids = this.#idsByGrant.get(grantId)
    ids?.delete(id)
    if (ids?.size === 0) this.#idsByGrant.delete(grantId)
  }
}
