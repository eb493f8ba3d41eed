import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { ErrorCode } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { ConnectionInfo } from '../options.ts'

/** What is under way. It follows the work wherever that goes, so no function hands it on. */
class Scope {
  /** What the entry keeps for it. */
  readonly invocation: object | undefined
  refusedWith: ErrorCode | undefined

  constructor(invocation: object | undefined) {
    this.invocation = invocation
  }

  get id(): string | undefined {
    return undefined
  }
}

/** A request. A connection to the database keeps the scope in which it was made, so nothing that came with the request is in it. */
class RequestScope extends Scope {
  #id: string | undefined

  constructor({ requestId, invocation }: RequestNames) {
    super(invocation)
    this.#id = requestId
  }

  /** Made when somebody asks, since most requests end without a line in the log. */
  override get id(): string {
    this.#id ??= newRequestId()
    return this.#id
  }
}

type RequestNames = Pick<ConnectionInfo, 'requestId' | 'invocation'>

const scopes = new AsyncLocalStorage<Scope>()

/** A new id, short of any meaning. */
export function newRequestId(): string {
  return `req_${randomUUID().replaceAll('-', '')}`
}

/** Does the work of a request, which is found in the log by its id: what a proxy before us calls it, or else one of ours. */
export function runRequest<Result>(names: RequestNames, work: () => Result): Result {
  return scopes.run(new RequestScope(names), work)
}

/** Does work that belongs to no request, such as a start, for which the entry keeps something all the same. */
export function runInvocation<Result>(invocation: object, work: () => Result): Result {
  return scopes.run(new Scope(invocation), work)
}

/** What the entry keeps for what is under way; undefined where there is nothing. */
export function currentInvocation(): object | undefined {
  return scopes.getStore()?.invocation
}

/** The id of the request under way; undefined where there is none, as at the start. */
export function currentRequestId(): string | undefined {
  return scopes.getStore()?.id
}

/** Notes with what the request under way is refused, for those who count. */
export function noteRefusal(code: ErrorCode): void {
  const scope = scopes.getStore()
  if (scope !== undefined) scope.refusedWith = code
}

/** What the request under way was refused with. */
export function currentRefusal(): ErrorCode | undefined {
  return scopes.getStore()?.refusedWith
}

/** The same log, with the id of the request under way in each of its lines. */
export function withRequestId(log: Logger): Logger {
  const identified = (fields: object) => {
    const requestId = currentRequestId()
    return requestId === undefined ? fields : { requestId, ...fields }
  }
  return {
    debug: (fields, message) => log.debug(identified(fields), message),
    info: (fields, message) => log.info(identified(fields), message),
    warn: (fields, message) => log.warn(identified(fields), message),
    error: (fields, message) => log.error(identified(fields), message),
  }
}
