import type { Browser, Page } from '../../support/browser.ts'
import type { Grant } from '../ledger.ts'
import type { World } from '../world.ts'
import { checkNotRefreshed } from './refreshing.ts'

/** What a person ends on his account page: all that he granted to one client at one server. */
export interface Ending {
  browser: Browser
  /** The client's name on the page. */
  clientName: string
  clientId: string
  grants: readonly Grant[]
}

export async function endOnAccountPage(world: World, ending: Ending): Promise<void> {
  const { browser, clientId, grants } = ending
  world.ledger.clientsOfAccountPage.add(clientId)
  for (const grant of grants) grant.end()
  await world.untilClear('account page', async () => {
    const page = await browser.open('/account')
    const fields = findForm(page, ending.clientName)
    // Not listed any more where the answer to the last attempt was lost.
    if (fields !== undefined) await browser.post('/account/authorizations/revoke', fields)
  })
  for (const grant of grants) grant.ended()
  world.ledger.acknowledge('authorization revoked')
  for (const grant of grants) await checkNotRefreshed(world, grant)
}

function findForm(page: Page, clientName: string): Record<string, string> | undefined {
  const section = page.html.querySelector('section[aria-labelledby="authorizations"]')
  if (section === null) throw new Error(`This is not the account page: ${page.text()}`)
  const item = section
    .querySelectorAll('li')
    .find((one) => one.querySelector('h3')?.structuredText.trim() === clientName)
  const inputs = item?.querySelectorAll('form input[name]')
  if (inputs === undefined) return undefined
  return Object.fromEntries(
    inputs.map((input) => [input.getAttribute('name') ?? '', input.getAttribute('value') ?? '']),
  )
}
