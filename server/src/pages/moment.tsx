const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })
const MINUTE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

/** A day, for people and machines. Pages run no script that knows the person's time zone, so it is UTC's. */
export function Day({ at }: { at: Date }) {
  return <time datetime={at.toISOString()}>{DAY.format(at)}</time>
}

/** A day and a time in UTC, and says so. */
export function Moment({ at }: { at: Date }) {
  return <time datetime={at.toISOString()}>{MINUTE.format(at)} UTC</time>
}
