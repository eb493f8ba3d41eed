/**
 * Begins work when it may begin, in the order in which it came, and answers as it does. There is none where a request may not
 * wait for the work of another, as on Workers.
 */
export type Queue = <Result>(work: () => Promise<Result>) => Promise<Result>
