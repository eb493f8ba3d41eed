/** Invisible and direction-changing characters: what a name needs to pose as another one. ZWJ, ZWNJ (Persian,
 * Indic scripts, emoji) and the emoji variation selector stay. */
const UNSEEN = /[[\p{C}\p{Default_Ignorable_Code_Point}\u2800]--[\u200c\u200d\ufe0f]]/gv
const SPACE = /[\s\p{Z}]+/gu
/** More than four marks on one letter is no language, but paint over the lines around it. */
const PILED_MARKS = /(\p{M}{4})\p{M}+/gu

/**
 * Text that a stranger chose (a client's name, a scope's description), made fit to be shown: on one line,
 * without bidi controls and invisible characters, at most `max` characters long.
 */
export function boundText(text: string, max: number): string {
  const line = text
    .slice(0, 16 * max)
    .replace(SPACE, ' ')
    .replace(UNSEEN, '')
    .replace(PILED_MARKS, '$1')
    .trim()
  const characters = Array.from(line)
  return characters.length > max
    ? `${characters
        .slice(0, max - 1)
        .join('')
        .trimEnd()}…`
    : line
}

/** Bounded text, isolated so that its direction changes nothing around it. */
export function StrangerText({ children, max = 64 }: { children: string; max?: number }) {
  return <bdi>{boundText(children, max) || 'without a name'}</bdi>
}

/** Schemes that a browser runs or renders itself, so that a link to them is no link to an application. */
const NO_LINK = new Set(['javascript:', 'data:', 'vbscript:', 'blob:', 'filesystem:', 'file:', 'about:'])

/** The address as a URL if it may be linked to or posted to, else undefined. */
export function findLinkable(address: string): URL | undefined {
  const url = URL.parse(address)
  return url === null || NO_LINK.has(url.protocol) ? undefined : url
}
