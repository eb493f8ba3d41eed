import { networkOf } from '../checks/network.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { ConnectionInfo } from '../options.ts'
import { identifyBrowser } from './browser.ts'
import { isKnownBrowser } from './known_browser.ts'

interface Budget {
  limit: number
  /** Seconds. */
  window: number
}

/** What is counted, and how much of it is allowed from one address and for one account; the option `attemptBudget` says it for the whole server. */
const BUDGETS = {
  /** Passwords that were wrong; a right one is given back. */
  password: {
    address: { limit: 50, window: 900 },
    account: { limit: 10, window: 900 },
  },
  /** Mails that strangers may have us send. */
  mail: {
    address: { limit: 30, window: 3_600 },
    account: { limit: 5, window: 3_600 },
  },
} as const satisfies Record<string, Record<'address' | 'account', Budget>>

/**
 * Answers of an upstream provider that it did not redeem; a good one is given back. Nobody guesses its codes: what is
 * limited is how often strangers have us ask it.
 */
const UPSTREAM_BUDGET: Budget = { limit: 50, window: 900 }

export type Limited = keyof typeof BUDGETS

/** An attempt that was counted. */
export interface Attempt {
  /** Gives it back, once it turned out to be no guess. */
  forgive(): Promise<void>
}

/**
 * Counts an attempt before it is made, so that parallel ones are counted too, and refuses it where a budget is
 * used up. What is refused counts against none: who has used up his own budget does not use up that of others.
 *
 * A browser in which somebody signed in to this account before has a budget of its own, and no other: strangers who
 * guess at an account, from however many addresses, do not lock its owner out. Passkeys are counted nowhere.
 *
 * @param email of the account, whether there is one or not
 * @throws OAuthError `slow_down` (429) with `Retry-After`; AttemptCountersUnavailable (503)
 */
export async function checkBudget(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  limited: Limited,
  email: string,
): Promise<Attempt> {
  return countAttempt(context, limited, subjectsOf(context, request, info, limited, email))
}

/**
 * Counts an answer of the upstream provider before it is redeemed, when nobody knows yet whose it is.
 *
 * @throws OAuthError `slow_down` (429) with `Retry-After`; AttemptCountersUnavailable (503)
 */
export async function checkUpstreamBudget(context: ServerContext, info: ConnectionInfo): Promise<Attempt> {
  const server = { ...UPSTREAM_BUDGET, limit: 3 * context.settings.attemptBudget }
  return countAttempt(context, 'upstream', [...addressOf(info, UPSTREAM_BUDGET), ['server', server]])
}

type Subject = [subject: string, budget: Budget]

async function countAttempt(
  context: ServerContext,
  limited: Limited | 'upstream',
  subjects: readonly Subject[],
): Promise<Attempt> {
  const budgets = subjects.map(([subject, { limit, window }]) => ({
    key: context.purposeKeys.mac('digest', `attempts:${limited}:${subject}`),
    limit,
    windowMs: window * 1000,
  }))
  const waitMs = await context.attemptCounters.count(budgets)
  if (waitMs !== undefined) throw tooMany(waitMs)
  return { forgive: () => context.attemptCounters.forgive(budgets.map(({ key }) => key)) }
}

function subjectsOf(
  context: ServerContext,
  request: Request,
  info: ConnectionInfo,
  limited: Limited,
  email: string,
): Subject[] {
  const { address, account } = BUDGETS[limited]
  const server = { ...account, limit: context.settings.attemptBudget }
  if (isKnownBrowser(context, request, email)) {
    return [[`known:${identifyBrowser(context, request).id}:${email}`, account]]
  }
  return [...addressOf(info, address), [`account:${email}`, account], ['server', server]]
}

/** Traffic through a proxy that nobody configured all bears one address: it has no budget per address. */
function addressOf({ clientAddress }: ConnectionInfo, budget: Budget): Subject[] {
  return clientAddress === undefined ? [] : [[`address:${networkOf(clientAddress)}`, budget]]
}

function tooMany(waitMs: number): OAuthError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  return new OAuthError(
    'slow_down',
    `Too many attempts. Try again in ${inWords(seconds)}, or use a passkey.`,
    {
      headers: { 'Retry-After': String(seconds) },
    },
  )
}

function inWords(seconds: number): string {
  const minutes = Math.ceil(seconds / 60)
  return minutes === 1 ? 'a minute' : `${minutes} minutes`
}
