import { pathFrom } from './base_path.ts'
import { assets } from './generated/assets.ts'

/** What the build makes of `pages/browser/`. */
export type AssetName = 'style.css' | 'passkey.js' | 'form_post.js'

/** The address of an asset; it changes with its content, so that it can be cached for ever. */
export function assetPath(basePath: string, name: AssetName): string {
  return pathFrom(basePath, `/assets/${assets[name]?.hash ?? 'missing'}/${name}`)
}

/**
 * The asset at a path (below the issuer's path), or undefined if there is none. An outdated hash is answered
 * with today's content but not for keeping: a page that was open during an update goes on working.
 */
export function findAsset(path: string): Response | undefined {
  const [, hash, name] = /^\/assets\/([A-Za-z0-9_-]+)\/([a-z_.]+)$/.exec(path) ?? []
  if (hash === undefined || name === undefined || !Object.hasOwn(assets, name)) return undefined
  const asset = assets[name]
  if (asset === undefined) return undefined
  return new Response(asset.body, {
    headers: {
      'Content-Type': asset.contentType,
      'Cache-Control': hash === asset.hash ? 'public, max-age=31536000, immutable' : 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': 'same-origin',
    },
  })
}
