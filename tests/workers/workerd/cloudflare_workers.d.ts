/** The part of workerd's module that the tests use. */
declare module 'cloudflare:workers' {
  export const exports: { default: { fetch(url: string, init?: RequestInit): Promise<Response> } }
}
