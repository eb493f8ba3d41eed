export interface PasskeyOfferProps {
  basePath: string
  csrf: string
}

/** Offers a passkey to who has none. Hidden until the script finds that this device can make one; asks for nothing. */
export function PasskeyOffer({ basePath, csrf }: PasskeyOfferProps) {
  return (
    <aside
      class="card offer"
      aria-labelledby="offer"
      data-passkey="offer"
      data-base-path={basePath}
      data-csrf={csrf}
      hidden
    >
      <div>
        <h2 id="offer">Sign in faster next time</h2>
        <p>
          A passkey is your fingerprint, face or screen lock: nothing to remember, and nothing to give away.
        </p>
      </div>
      <button class="button" type="button">
        Create a passkey
      </button>
      <p class="status" role="status" aria-live="polite" />
    </aside>
  )
}
