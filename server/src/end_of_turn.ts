/**
 * Resolves at the end of the event loop's turn, for all who wait then; so what they do next, they do one right after another.
 * There is none where requests may not share work, as on Workers.
 */
export type EndOfTurn = () => Promise<void>
