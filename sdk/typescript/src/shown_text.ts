/** What would move the cursor of a terminal, begin a line, or be invisible. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu

/** A stranger's text as it may stand in a log: on one line, in quotes, and no longer than so many characters. */
export function showText(text: string, limit: number): string {
  // Cut first, so that a long text costs no more than a short one; and so that no surrogate is left alone.
  return JSON.stringify(text.slice(0, limit).replaceAll(UNPRINTABLE, ''))
}
