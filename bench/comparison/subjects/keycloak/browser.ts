import { cookiesOf, type HttpResponse, headerOf, prepareRequest } from '../../http_connection.ts'

/** What a browser does of what a sign-in takes: it keeps cookies and follows links. It knows no paths of cookies, and sends them all. */
export class Browser {
  readonly #host: string
  readonly #cookies = new Map<string, string>()

  constructor(host: string) {
    this.#host = host
  }

  /** What asks the same server for itself. */
  withoutCookies(): Browser {
    return new Browser(this.#host)
  }

  get(url: string): string {
    return prepareRequest({ method: 'GET', path: pathOf(url), host: this.#host, headers: this.#headers() })()
  }

  post(url: string, form: URLSearchParams): string {
    const headers = { ...this.#headers(), 'Content-Type': 'application/x-www-form-urlencoded' }
    return prepareRequest({ method: 'POST', path: pathOf(url), host: this.#host, headers })(form.toString())
  }

  /** Keeps the cookies that came with it. */
  take(response: HttpResponse): HttpResponse {
    for (const [name, value] of cookiesOf(response)) {
      if (value === '') this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    return response
  }

  has(cookie: string): boolean {
    return this.#cookies.has(cookie)
  }

  #headers(): Record<string, string> {
    const pairs = [...this.#cookies].map(([name, value]) => `${name}=${value}`)
    return pairs.length === 0 ? {} : { Cookie: pairs.join('; ') }
  }
}

/** Where it sends the browser; nowhere is an empty string. */
export function locationOf(response: HttpResponse): string {
  return headerOf(response, 'location') ?? ''
}

/** Where the first form of a page leads; nowhere is an empty string. */
export function actionOf({ body }: HttpResponse): string {
  return /<form[^>]* action="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? ''
}

/** What a hidden field of a page holds; empty where there is none. */
export function hiddenValueOf({ body }: HttpResponse, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? ''
}

function pathOf(url: string): string {
  return url.replace(/^https?:\/\/[^/]+/, '') || '/'
}
