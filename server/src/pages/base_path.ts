/** What every page is told: where the server is mounted, and the status of its answer. */
export interface PageProps {
  /** The path of the issuer: `''`, or for instance `/tenant` (no trailing slash). */
  basePath: string
  /** The name of the organisation that runs this server, for the head of the page. */
  operator?: string | undefined
  /** HTTP status; by default 200, or what the page stands for. */
  status?: number
}

/** The address of a page that leads on to where the person was going. */
export function withReturnTo(basePath: string, path: `/${string}`, returnTo: string): string {
  return `${pathFrom(basePath, path)}?return_to=${encodeURIComponent(returnTo)}`
}

/** The address of a page or an asset of ours, below the issuer's path. */
export function pathFrom(basePath: string, path: `/${string}`): string {
  return `${basePath}${path}`
}
