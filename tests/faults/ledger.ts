/** `ending` from when somebody asks for the end until that is acknowledged: nobody knows. */
type State = 'live' | 'ending' | 'ended'

/** What may end. Once that is acknowledged, it stays so. */
export class Mortal {
  #state: State = 'live'
  /** When its end was acknowledged, by `performance.now()`. */
  endedAt = Number.POSITIVE_INFINITY

  get state(): State {
    return this.#state
  }

  /** Somebody is about to ask for its end. */
  end(): void {
    if (this.#state === 'live') this.#state = 'ending'
  }

  /** Its end was acknowledged. */
  ended(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.endedAt = performance.now()
  }
}

/** A grant that was acknowledged, and how far. */
export class Grant extends Mortal {
  generation = 0
  /** How many generations in a row were presented more than once, in the race window. */
  racedInRow = 0
  /** The newest few. */
  accessTokens: AccessToken[] = []

  readonly grantId: string
  readonly family: string
  readonly clientId: string
  refreshToken: string

  constructor(grantId: string, family: string, clientId: string, refreshToken: string) {
    super()
    this.grantId = grantId
    this.family = family
    this.clientId = clientId
    this.refreshToken = refreshToken
  }
}

/** An access token that was acknowledged: good while it and its grant are. */
export class AccessToken extends Mortal {
  /** Nodes that have refused it, with how often they had been killed by then. */
  readonly refusedBy = new Set<string>()

  readonly token: string
  readonly jti: string
  readonly grant: Grant | undefined

  constructor(token: string, jti: string, grant: Grant | undefined) {
    super()
    this.token = token
    this.jti = jti
    this.grant = grant
  }

  /** Which of both ended first decides. */
  get goodness(): Pick<Mortal, 'state' | 'endedAt'> {
    const endedAt = Math.min(this.endedAt, this.grant?.endedAt ?? Infinity)
    if (endedAt < Infinity) return { state: 'ended', endedAt }
    return { state: this.state === 'live' && this.grant?.state !== 'ending' ? 'live' : 'ending', endedAt }
  }
}

/** An authorization code, and the grants that were answered for it: one at the most. */
export interface Code {
  clientId: string
  grantIds: string[]
}

export class ManagedServer extends Mortal {
  readonly id: string
  readonly url: string

  constructor(id: string, url: string) {
    super()
    this.id = id
    this.url = url
  }
}

export class ManagedKey extends Mortal {
  readonly id: string
  readonly secret: string
  readonly server: ManagedServer

  constructor(id: string, secret: string, server: ManagedServer) {
    super()
    this.id = id
    this.secret = secret
    this.server = server
  }
}

const SHOWN_TOKENS = 400

/** Everything that was acknowledged to somebody. */
export class Ledger {
  readonly codes: Code[] = []
  readonly grants: Grant[] = []
  readonly servers: ManagedServer[] = []
  readonly keys: ManagedKey[] = []
  /** Access tokens whose own end was acknowledged. */
  readonly revokedTokens: AccessToken[] = []
  /** Clients whose authorization was revoked on the account page, which uses up codes that wait. */
  readonly clientsOfAccountPage = new Set<string>()
  /** What browsers held whose sign-out was acknowledged. */
  readonly endedSessions: string[] = []
  /** How often each assertion of a client was accepted. */
  readonly assertions: number[] = []
  /** Some of the access tokens, for whoever wants to ask about any: old ones, and the newest. */
  readonly shown: AccessToken[] = []
  /** How many writes were acknowledged, by what they were. */
  readonly acknowledged = new Map<string, number>()

  acknowledge(write: string): void {
    this.acknowledged.set(write, (this.acknowledged.get(write) ?? 0) + 1)
  }

  show(token: AccessToken, index: number): void {
    if (this.shown.length < SHOWN_TOKENS) this.shown.push(token)
    else this.shown[index % SHOWN_TOKENS] = token
  }
}
