/** Lets one tool call wait for another, so that a test sees what arrives while a call is not yet answered. */
export class Signals {
  readonly #sent = new Map<string, PromiseWithResolvers<void>>()

  send(name: string): void {
    this.#of(name).resolve()
  }

  wait(name: string): Promise<void> {
    return this.#of(name).promise
  }

  #of(name: string): PromiseWithResolvers<void> {
    const signal = this.#sent.get(name) ?? Promise.withResolvers<void>()
    this.#sent.set(name, signal)
    return signal
  }
}
