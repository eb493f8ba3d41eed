/** Something that the server stands on did not answer: a request that needs it gets 503 and may be tried again. */
export class Unavailable extends Error {
  /** What the driver said, in one line. */
  get reason(): string {
    // One error for each address of the host, without a message of its own.
    const first: unknown = this.cause instanceof AggregateError ? this.cause.errors[0] : this.cause
    return first instanceof Error ? first.message : String(first)
  }
}
