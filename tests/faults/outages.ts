/** What a fault takes away: the database, or a node by its index. */
export type Subject = 'database' | number

interface Outage {
  subject: Subject
  from: number
  /** Infinity while it lasts. */
  until: number
}

/** What was away when, by the faults that we caused: only then may a request fail. Times are of `performance.now()`. */
export class Outages {
  readonly #all: Outage[] = []

  /** Notes that the subject is away while `work` runs, which ends when it is there again. */
  async during<Result>(subjects: readonly Subject[], work: () => Promise<Result>): Promise<Result> {
    const outages = subjects.map((subject) => ({ subject, from: performance.now(), until: Infinity }))
    this.#all.push(...outages)
    const result = await work()
    for (const outage of outages) outage.until = performance.now()
    return result
  }

  /** Whether the subject was away for a part of this time. */
  wasAway(subject: Subject, from: number, until: number): boolean {
    return this.#all.some((one) => one.subject === subject && one.from <= until && one.until >= from)
  }

  count(subject: Subject): number {
    return this.#all.filter((one) => one.subject === subject).length
  }
}
