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

interface Part {
  element: HTMLElement
  button: HTMLButtonElement
  status: HTMLElement
  returnTo: string
  post: Post
}

/** Signs in; with `autofill` it waits, unseen, until the person picks a passkey in the e-mail field. */
async function signIn({ post, returnTo }: Part, autofill: boolean): Promise<void> {
  const { options, ceremony } = await post('/passkeys/authentication/options', {})
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

/** Runs what the button stands for, once at a time, and says in words how it ended. */
function onClick({ button, status }: Part, act: () => Promise<string | undefined>, afterwards?: () => void) {
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') === 'true') return
    button.setAttribute('aria-disabled', 'true')
    status.className = 'status'
    status.textContent = 'Follow your browser’s instructions.'
    try {
      status.textContent = (await act()) ?? ''
    } catch (error) {
      status.classList.add('failed')
      status.textContent = explain(error)
      afterwards?.()
    }
    button.removeAttribute('aria-disabled')
  })
}

const KINDS: Record<string, (part: Part) => Promise<boolean>> = {
  authentication: async (part) => {
    onClick(
      part,
      async () => {
        await signIn(part, false)
        return 'Signed in. One moment.'
      },
      () => void waitInAutofill(part),
    )
    void waitInAutofill(part)
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
  const part = { element, button, status, returnTo, post: createPost(basePath, csrf) }
  if (!(await KINDS[passkey]?.(part))) return
  element.hidden = false
  element.closest<HTMLElement>('[data-reveal="passkey"]')?.removeAttribute('hidden')
}

if (browserSupportsWebAuthn()) {
  for (const element of document.querySelectorAll<HTMLElement>('[data-passkey]')) void start(element)
}
