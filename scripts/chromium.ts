import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const USUAL_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
]

/**
 * The browser for tests: `CHROMIUM_PATH`, or one in a usual place, or Debian's, installed now where we may.
 * Rejects with a sentence that says what to do.
 */
export async function findChromium(): Promise<string> {
  const chosen = process.env.CHROMIUM_PATH
  if (chosen && !existsSync(chosen))
    throw new Error(`CHROMIUM_PATH is ${chosen}, but there is no such file: correct or remove it.`)
  const found = chosen ?? USUAL_PATHS.find((path) => existsSync(path)) ?? installChromium()
  if (!found)
    throw new Error(
      'The browser tests need Chromium or Chrome: install it, or name its path in CHROMIUM_PATH.',
    )
  return found
}

function installChromium(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined
  console.error('Installing Chromium …')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']])
    spawnSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 2, 2] })
  return USUAL_PATHS.find((path) => existsSync(path))
}
