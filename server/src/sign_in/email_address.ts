import { z } from 'zod'

const MESSAGE = 'must be an e-mail address such as ada@example.com'

/**
 * An e-mail address in lower case, as HTML defines one for `<input type=email>`: ASCII, without comments, quotes
 * and folding, so that one address has one spelling and no mail header can be written with it. A domain in
 * another script comes in its `xn--` form, which is what browsers send.
 */
export const emailAddressSchema = z
  .string()
  .trim()
  .toLowerCase()
  .max(254, MESSAGE)
  .regex(
    /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/,
    MESSAGE,
  )

/** The address in its one spelling; undefined for what is none. */
export function findEmailAddress(text: string | undefined): string | undefined {
  return emailAddressSchema.safeParse(text).data
}
