/** Submits the authorization response as soon as the page is there. */
document.querySelector<HTMLFormElement>('form[data-submit="at-once"]')?.submit()
