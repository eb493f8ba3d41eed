import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  type webcrypto,
} from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

type JsonWebKey = webcrypto.JsonWebKey

/**
 * Keys of the test vectors. They protect nothing: they stand in the repository so that the tokens of the
 * vectors stay the same from one run of the generator to the next.
 */
const FILE = new URL('test_keys.json', import.meta.url)

const makers = {
  /** The authorization server's keys. `next` is the one that it changes to. */
  es: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  next: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  rs: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ps: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ed: () => generateKeyPairSync('ed25519'),
  p384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  /** A key that the authorization server never had. */
  stranger: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  /** Keys of clients that prove possession. */
  client_es: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  client_other: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  client_ed: () => generateKeyPairSync('ed25519'),
  client_rs: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  client_ps: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  client_rs_short: () => generateKeyPairSync('rsa', { modulusLength: 1024 }),
}

export type KeyName = keyof typeof makers

interface KeysFile {
  readonly warning: string
  readonly keys: Partial<Record<KeyName, JsonWebKey>>
}

function readKeys(): Record<KeyName, JsonWebKey> {
  const stored: KeysFile = existsSync(FILE)
    ? (JSON.parse(readFileSync(FILE, 'utf8')) as KeysFile)
    : { warning: '', keys: {} }
  const names = Object.keys(makers) as KeyName[]
  const entries = names.map(
    (name) => [name, stored.keys[name] ?? makers[name]().privateKey.export({ format: 'jwk' })] as const,
  )
  const keys = Object.fromEntries(entries) as Record<KeyName, JsonWebKey>
  const warning =
    'Keys of the test vectors, made for them and published on purpose. Nothing else may use them.'
  if (names.some((name) => stored.keys[name] === undefined))
    writeFileSync(FILE, `${JSON.stringify({ warning, keys }, null, 2)}\n`)
  return keys
}

const keys = readKeys()

export const privateJwk = (name: KeyName): JsonWebKey => keys[name]

export const privateKey = (name: KeyName): KeyObject => createPrivateKey({ key: keys[name], format: 'jwk' })

/** The public half, with nothing but the members that RFC 7638 takes for the thumbprint. */
export function publicJwk(name: KeyName): JsonWebKey {
  return createPublicKey(privateKey(name)).export({ format: 'jwk' })
}
