import { within } from '@auth-agent/server/shared_work'

/**
 * What goes on after an answer, such as mail that is sent. On Node it goes on by itself until the process ends, and so the
 * end waits for it.
 */
export class BackgroundWork {
  readonly #running = new Set<Promise<void>>()

  /** @param work never rejects */
  add(work: Promise<void>): void {
    this.#running.add(work)
    void work.finally(() => this.#running.delete(work))
  }

  /** Waits for all of it, for what begins meanwhile as well, at the most so many milliseconds. Answers how much is left. */
  async settle(limitMs: number): Promise<number> {
    await within(limitMs, this.#settleAll()).catch(() => {})
    return this.#running.size
  }

  async #settleAll(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
