import { cookiesOf, type HttpResponse, headerOf, prepareRequest } from './http_connection.ts'

/** Makes requests as a person's browser does, with the cookies that came before. It knows no paths of cookies, and sends all of them. */
export class Browser {
  readonly #origin: string
  readonly #host: string
  readonly #cookies = new Map<string, string>()

  /** @param origin where the site is for whoever uses it, be it behind a proxy */
  constructor(origin: string) {
    this.#origin = origin
    this.#host = new URL(origin).host
  }

  get(path: string): string {
    return prepareRequest({ method: 'GET', path, host: this.#host, headers: this.#headers() })()
  }

  post(path: string, form: string): string {
    const headers = {
      ...this.#headers(),
      Origin: this.#origin,
      'Content-Type': 'application/x-www-form-urlencoded',
    }
    return prepareRequest({ method: 'POST', path, host: this.#host, headers })(form)
  }

  /** Keeps its cookies, and says where it leads: a path where that is on the same site, and '' where it leads nowhere. */
  follow(response: HttpResponse): string {
    for (const [name, value] of cookiesOf(response)) {
      if (value === '') this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    const location = response.status === 303 ? (headerOf(response, 'location') ?? '') : ''
    return location.startsWith(`${this.#origin}/`) ? location.slice(this.#origin.length) : location
  }

  #headers(): Record<string, string> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return { Accept: 'text/html', ...(cookie !== '' && { Cookie: cookie }) }
  }
}
