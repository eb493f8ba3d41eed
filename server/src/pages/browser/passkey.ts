import {
  browserSupportsWebAuthn,
  browserSupportsWebAuthnAutofill,
  platformAuthenticatorIsAvailable,
  startAuthentication,
  startRegistration,
} from '@simplewebauthn/browser'
import { deviceName } from '../device_name.ts'
import { explain } from './passkey/explain.ts'
import { createPost, type Post } from './passkey/post.ts'

/** The server forgets a ceremony after five minutes; a page may wait in the autofill for longer. In milliseconds. */
const RENEW_AFTER = 240_000

/** A part of a page that stands for one thing to do with passkeys. */
interface Part {
  button: HTMLButtonElement
  status: HTMLElement
  returnTo: string
  post: Post
}

/** Signs in; with `autofill` it waits, unseen, until the person picks a passkey in the e-mail field. */
async function signIn({ post, returnTo, button }: Part, autofill: boolean): Promise<void> {
  const { options, ceremony } = await post('/passkeys/authentication/options', {})
  // A browser attends to one request: waiting must not put an end to what the button began meanwhile.
  if (autofill && isBusy(button)) return
  const response = await startAuthentication({ optionsJSON: options as never, useBrowserAutofill: autofill })
  const { redirect_to } = await post('/passkeys/authentication', { ceremony, response, return_to: returnTo })
  const target = new URL(String(redirect_to), location.href)
  if (target.origin !== location.origin) throw new Error('The server named another site.')
  location.assign(target)
}

/** Waits in the e-mail field's autofill. An attempt that nobody sees fails unseen too. */
async function waitInAutofill(part: Part): Promise<void> {
  if (await browserSupportsWebAuthnAutofill()) await signIn(part, true).catch(() => undefined)
}

async function register({ post }: Part): Promise<void> {
  const { options, ceremony } = await post('/passkeys/registration/options', {})
  const response = await startRegistration({ optionsJSON: options as never })
  await post('/passkeys/registration', { ceremony, response, name: deviceName(navigator.userAgent) })
}

function isBusy(button: HTMLButtonElement): boolean {
  return button.getAttribute('aria-disabled') === 'true'
}

/** Does what the button stands for, once at a time, and says in words how it ended. */
function onClick({ button, status }: Part, act: () => Promise<string>, onFailure?: () => void): void {
  button.addEventListener('click', async () => {
    if (isBusy(button)) return
    button.setAttribute('aria-disabled', 'true')
    status.className = 'status'
    status.textContent = 'Follow your browser’s instructions.'
    const [words, isDone] = await act().then(
      (done) => [done, true] as const,
      (error: unknown) => [explain(error), false] as const,
    )
    button.removeAttribute('aria-disabled')
    status.textContent = words
    status.classList.toggle('failed', !isDone)
    if (!isDone) onFailure?.()
  })
}

/** By the value of `data-passkey`: sets the part up, and answers whether it is of use on this device. */
const KINDS: Record<string, (part: Part) => Promise<boolean>> = {
  authentication: async (part) => {
    let renewal: ReturnType<typeof setTimeout> | undefined
    const wait = () => {
      clearTimeout(renewal)
      renewal = setTimeout(wait, RENEW_AFTER)
      void waitInAutofill(part)
    }
    onClick(part, () => signIn(part, false).then(() => 'One moment.'), wait)
    wait()
    return true
  },
  registration: async (part) => {
    onClick(part, async () => {
      await register(part)
      location.reload()
      return 'Your passkey is saved.'
    })
    return true
  },
  offer: async (part) => {
    onClick(part, async () => {
      await register(part)
      part.button.remove()
      return 'Your passkey is saved. Next time it signs you in.'
    })
    return platformAuthenticatorIsAvailable()
  },
}

async function start(element: HTMLElement): Promise<void> {
  const button = element.querySelector('button')
  const status = element.querySelector<HTMLElement>('[role="status"]')
  const { passkey = '', basePath = '', csrf = '', returnTo = '' } = element.dataset
  if (!button || !status) return
  const part = { button, status, returnTo, post: createPost(basePath, csrf) }
  if (!(await KINDS[passkey]?.(part))) return
  element.hidden = false
  element.closest<HTMLElement>('[data-reveal="passkey"]')?.removeAttribute('hidden')
}

if (browserSupportsWebAuthn()) {
  for (const element of document.querySelectorAll<HTMLElement>('[data-passkey]')) void start(element)
}
