// What the parts of a stop may take, in milliseconds. Together they are over within ten seconds, as DEPLOYMENT.md says:
// requests in 6, what goes on in the background until 7, farewells until 8; a supervisor needs 1 more than its workers.

/** For clients to leave connections that they keep. */
export const DRAIN_MS = 2_000
/** For requests that are under way after that. */
export const GRACE_MS = 4_000
/** From the beginning of the stop: for mail that is being sent, and for maintenance. */
export const BACKGROUND_MS = 7_000
/** For what a collector has not got yet; beside it, connections to the database end. */
export const FAREWELL_MS = 1_000
/** For all of a worker; one that takes longer is killed. */
export const WORKER_MS = 9_000
/** For a start to end that is given up; one that takes longer is cut off. */
export const START_MS = 10_000

/** What is left of a time that began at `since`, on the clock of `performance.now()`. */
export function leftOf(milliseconds: number, since: number): number {
  return Math.max(0, since + milliseconds - performance.now())
}
