import type { JSX } from 'hono/jsx/jsx-runtime'
import { type AssetName, assetPath } from './assets.ts'
import { BrandMark, ICON } from './brand.tsx'
import { contentSecurityPolicy } from './content_security_policy.ts'
import { boundText, StrangerText } from './stranger_text.tsx'

export interface RenderOptions {
  basePath: string
  title: string
  /** Who runs this server. Default: the name of the program. */
  operator?: string | undefined
  /** Default 200. */
  status?: number | undefined
  /** Where a form of the page may end, besides here: redirect URIs, origins or schemes. */
  formActions?: readonly string[] | undefined
  scripts?: readonly AssetName[]
  /** `narrow` for one decision, `wide` for things to look through. */
  width?: 'narrow' | 'wide'
  headers?: Record<string, string>
}

/**
 * A page for people: HTML that is never stored, framed, or allowed to run or load anything but our own files.
 *
 * No Cross-Origin-Opener-Policy: browser clients open these pages in a pop-up and wait for a message from
 * the callback page to `window.opener`, and any value but the default would cut that tie for good. What an
 * opener can do without the policy is to navigate the pop-up elsewhere, never to read it. Pages that no
 * client opens pass `same-origin` in `headers`.
 */
export function renderPage(content: JSX.Element, options: RenderOptions): Response {
  const html = (<Layout {...options}>{content}</Layout>).toString()
  return new Response(`<!doctype html>${html}`, {
    status: options.status ?? 200,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'Content-Security-Policy': contentSecurityPolicy(options.formActions),
      'X-Frame-Options': 'DENY',
      'X-Content-Type-Options': 'nosniff',
      // To other sites nothing; to ourselves enough that old browsers send the origin of a form.
      'Referrer-Policy': 'same-origin',
      'Permissions-Policy':
        'publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), geolocation=(), microphone=()',
      ...options.headers,
    },
  })
}

/** Headers for pages that no client opens in a pop-up. */
export const SEVER_OPENER = { 'Cross-Origin-Opener-Policy': 'same-origin' }

function Layout({
  basePath,
  title,
  operator = 'Auth-Agent',
  scripts,
  width,
  children,
}: RenderOptions & { children: JSX.Element }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${title} · ${boundText(operator, 48)}`}</title>
        <link rel="icon" href={ICON} />
        <link rel="stylesheet" href={assetPath(basePath, 'style.css')} />
        {scripts?.map((name) => (
          <script type="module" src={assetPath(basePath, name)} />
        ))}
      </head>
      <body class={width ?? 'narrow'}>
        <header class="brand">
          <BrandMark />
          <span>
            <StrangerText max={48}>{operator}</StrangerText>
          </span>
        </header>
        <main>{children}</main>
      </body>
    </html>
  )
}
