import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const USUAL_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** Starts the Chromium of this machine: the one that `CHROMIUM_PATH` names, or one at a usual place. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

function findChromium(): string {
  const named = process.env['CHROMIUM_PATH']
  const path = named ?? USUAL_PATHS.find((candidate) => existsSync(candidate))
  if (path === undefined || !existsSync(path)) {
    throw new Error(`There is no Chromium at ${path ?? 'any usual path'}: install it, or set CHROMIUM_PATH.`)
  }
  return path
}

/** A page, and everything that its console complained of: violations of the policy, errors of scripts. */
export interface WatchedPage {
  page: Page
  problems: string[]
}

/** Opens an empty page. A status of 4xx, which the console reports as an error too, is for the test to check. */
export async function openWatchedPage(context: BrowserContext): Promise<WatchedPage> {
  // Less than a test may take, so that what is missing is named.
  context.setDefaultTimeout(45_000)
  const page = await context.newPage()
  const problems: string[] = []
  page.on('console', (message) => {
    const isStatus = /the server responded with a status of 4\d\d/.test(message.text())
    if (['error', 'warning'].includes(message.type()) && !isStatus) problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(error.message))
  return { page, problems }
}

/** Gives the page a device that keeps passkeys and always finds its owner present (WebAuthn §11). */
export async function addAuthenticator(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
}
