import { AttemptCountersUnavailable } from '@auth-agent/server/attempt_counters'
import type { Logger } from '@auth-agent/server/log'
import { LateError, within } from '@auth-agent/server/shared_work'
import { createClient, defineScript, ErrorReply } from '@redis/client'

/** A window begins with its first attempt, and the key goes with its window: none is without an expiry. */
const COUNT = defineScript({
  SCRIPT: `
    local wait = -1
    for i, key in ipairs(KEYS) do
      if tonumber(redis.call('GET', key) or 0) >= tonumber(ARGV[2 * i - 1]) then
        wait = math.max(wait, redis.call('PTTL', key), 0)
      end
    end
    if wait >= 0 then return wait end
    for i, key in ipairs(KEYS) do
      redis.call('SET', key, 0, 'PX', ARGV[2 * i], 'NX')
      redis.call('INCR', key)
    end
    return wait`,
  parseCommand(parser, keys: string[], limitsAndWindows: string[]) {
    parser.pushKeysLength(keys)
    parser.push(...limitsAndWindows)
  },
  transformReply: (reply: unknown) => Number(reply),
})
const FORGIVE = defineScript({
  SCRIPT: `
    for _, key in ipairs(KEYS) do
      local attempts = tonumber(redis.call('GET', key) or 0)
      if attempts > 1 then redis.call('DECR', key) else redis.call('DEL', key) end
    end`,
  parseCommand(parser, keys: string[]) {
    parser.pushKeysLength(keys)
  },
  transformReply: () => undefined,
})

const CONNECT_WITHIN_MS = 2_000
/** Shorter than probes and proxies wait. */
const PATIENCE_MS = 1_500
const PING_INTERVAL_MS = 2_000
/** Of silence, pings included. */
const SILENCE_MS = 5_000
const LONGEST_PAUSE_MS = 2_000
/** Of commands that wait for an answer; what comes on top is refused at once. */
const MAX_WAITING = 10_000

type Client = ReturnType<typeof createScriptClient>

function createScriptClient(url: string) {
  return createClient({
    url,
    // Two words that every server of the protocol, and every proxy of one, knows: AUTH and SELECT, where the URL says so.
    RESP: 2,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    scripts: { countAttempt: COUNT, forgiveAttempts: FORGIVE },
    // An attempt is refused at once while there is no connection, instead of waiting in memory for one.
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_WAITING,
    pingInterval: PING_INTERVAL_MS,
    socket: {
      connectTimeout: CONNECT_WITHIN_MS,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: (failures) => Math.min(50 * 2 ** Math.min(failures, 10), LONGEST_PAUSE_MS),
    },
  })
}

/**
 * One connection to a Redis or Valkey. It is made anew by itself when it breaks, and when an answer is late: what waits on a
 * connection that hangs would come in order, after all that is late already.
 */
export class RedisConnection {
  readonly #url: string
  readonly #log: Logger
  #isOpen = false
  #client: Client
  /** Why there is no connection now. */
  #fault: unknown

  private constructor(url: string, log: Logger) {
    this.#url = url
    this.#log = log
    this.#client = this.#connect()
  }

  /** Rejects with an {@link AttemptCountersUnavailable} where nobody answers there, or not to us. */
  static async open(url: string, log: Logger): Promise<RedisConnection> {
    const connection = new RedisConnection(url, log)
    try {
      await connection.#ready()
      await connection.ask((client) => client.ping())
      connection.#isOpen = true
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  /** Asks, and waits for a bounded time. Rejects with an {@link AttemptCountersUnavailable}. */
  async ask<Reply>(command: (client: Client) => Promise<Reply>): Promise<Reply> {
    const client = this.#client
    try {
      const reply = await within(PATIENCE_MS, command(client))
      if (this.#fault !== undefined) this.#log.info({}, 'Redis is there again.')
      this.#fault = undefined
      return reply
    } catch (error) {
      const cause = client.isReady ? error : (this.#fault ?? error)
      if (error instanceof LateError || isOfReplica(error)) {
        this.#note(error)
        this.#replace(client)
      }
      throw new AttemptCountersUnavailable({ cause })
    }
  }

  close(): void {
    this.#client.destroy()
  }

  #connect(): Client {
    const client = createScriptClient(this.#url)
    client.on('error', (error: unknown) => this.#note(error))
    // It goes on trying, and tells of each failure as an event, until it is destroyed.
    client.connect().catch(() => {})
    return client
  }

  /** Tells the log once in an outage, not with each attempt to connect; at the start, whoever starts it tells. */
  #note(fault: unknown): void {
    if (this.#isOpen && this.#fault === undefined) {
      const { reason } = new AttemptCountersUnavailable({ cause: fault })
      this.#log.warn({ reason }, 'Redis is away.')
    }
    this.#fault = fault
  }

  #replace(client: Client): void {
    if (client !== this.#client) return
    this.#client = this.#connect()
    client.destroy()
  }

  #ready(): Promise<void> {
    const client = this.#client
    const settled = new Promise<void>((resolve, reject) => {
      client.once('ready', resolve)
      client.once('error', (cause: unknown) => reject(new AttemptCountersUnavailable({ cause })))
    })
    return within(2 * CONNECT_WITHIN_MS, settled).catch((cause: unknown) => {
      throw cause instanceof AttemptCountersUnavailable ? cause : new AttemptCountersUnavailable({ cause })
    })
  }
}

/** After a failover a connection may still lead to what was the primary. */
function isOfReplica(error: unknown): boolean {
  return error instanceof ErrorReply && error.message.startsWith('READONLY')
}
