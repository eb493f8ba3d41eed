/** What one suite came to. */
export interface Count {
  passed: number
  failed: number
  skipped: number
}
