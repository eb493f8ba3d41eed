/** The mark: an arched door that is also the letter A, with the key's hole for its bar. */
export function BrandMark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" focusable="false">
      <rect class="mark-ground" width="32" height="32" rx="9" />
      <path class="mark-line" d="M9.5 24V15a6.5 6.5 0 0 1 13 0v9" />
      <circle class="mark-dot" cx="16" cy="16.5" r="2.25" />
      <path class="mark-line" d="M16 18v3.5" />
    </svg>
  )
}

/** The mark as an icon of the browser's tab; a data URL, so that no page asks for `/favicon.ico`. */
export const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#0b5f4a"/>' +
    '<g fill="none" stroke="#fff" stroke-width="2.75" stroke-linecap="round"><path d="M9.5 24V15a6.5 6.5 0 0 1 13 0v9"/>' +
    '<path d="M16 18v3.5"/></g><circle cx="16" cy="16.5" r="2.25" fill="#fff"/></svg>',
)}`
