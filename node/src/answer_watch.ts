/** How often somebody is asked whether he is there, and for how many questions in a row he may owe the answer. */
export interface WatchOptions {
  /** In milliseconds. */
  intervalMs: number
  turns: number
}

/** Watches somebody until it is stopped, or has given him up. */
export interface AnswerWatch {
  /** He has answered: what he owed is forgotten. */
  answered(): void
  stop(): void
}

/**
 * Asks again and again, and gives up on who owes too many answers. Questions are counted, not time: whoever asks may have
 * slept, as with the whole machine, and finds that he has asked once.
 */
export function watchAnswers(
  { intervalMs, turns }: WatchOptions,
  ask: () => void,
  giveUp: () => void,
): AnswerWatch {
  let owed = 0
  const timer = setInterval(() => {
    if (owed < turns) {
      owed += 1
      ask()
    } else {
      clearInterval(timer)
      giveUp()
    }
  }, intervalMs)
  timer.unref()
  return {
    answered() {
      owed = 0
    },
    stop: () => clearInterval(timer),
  }
}
