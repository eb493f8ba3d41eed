import { cookiesOf, type HttpResponse } from './http_connection.ts'

/** The cookies of one browser at one site, which the server may change with each answer. */
export class Cookies {
  #values = new Map<string, string>()
  /** As `Cookie` says them. */
  field = ''

  take(response: HttpResponse): HttpResponse {
    for (const [name, value] of cookiesOf(response)) this.set(name, value)
    return response
  }

  /** @param value nothing clears it */
  set(name: string, value: string): void {
    if (value === '') this.#values.delete(name)
    else this.#values.set(name, value)
    this.field = Array.from(this.#values, ([name, value]) => `${name}=${value}`).join('; ')
  }
}
