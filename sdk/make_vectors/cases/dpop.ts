import {
  active,
  bearer,
  type Case,
  dpop,
  type Expectation,
  inactive,
  local,
  oneCase,
  options,
  post,
  request,
  step,
} from '../case.ts'
import { accepted, dpopChallenge, dpopInsufficientScope, invalidToken } from '../expectation.ts'
import { type KeyName, privateJwk, publicJwk } from '../keys.ts'
import { accessToken, type Members, origin, proof, resource, signed, T, thumbprint } from '../tokens.ts'

/** RFC 9449: tokens that are bound to a key, and the proofs of it. */
const boundTo = (key: KeyName): string => accessToken({ cnf: { jkt: thumbprint(key) } })
const token = boundTo('client_es')
const proven = (value: string, what = token) => post([dpop(what), ['dpop', value]])
const badProof = dpopChallenge('invalid_dpop_proof')

const single = (name: string, value: string, expect: Expectation, at = T): Case =>
  oneCase(`DPoP: ${name}`, local(), [step(at, proven(value), expect)])
const good = (name: string, value: string, at = T): Case => single(name, value, accepted(), at)
const bad = (name: string, value: string, at = T): Case => single(name, value, badProof, at)

const keys: readonly Case[] = [
  good('a proof with ES256 is good', proof(token)),
  ...(
    [
      ['EdDSA', 'client_ed', {}],
      ['Ed25519', 'client_ed', { alg: 'Ed25519' }],
      ['RS256', 'client_rs', {}],
      ['PS256', 'client_ps', {}],
    ] as const
  ).map(([alg, key, header]) =>
    oneCase(`DPoP: a proof with ${alg} is good`, local(), [
      step(T, proven(proof(boundTo(key), {}, header, key), boundTo(key)), accepted()),
    ]),
  ),
  oneCase('DPoP: a key of 1024 bits is refused', local(), [
    step(
      T,
      proven(proof(boundTo('client_rs_short'), {}, {}, 'client_rs_short'), boundTo('client_rs_short')),
      badProof,
    ),
  ]),
  bad('a proof of another key than the token is bound to is refused', proof(token, {}, {}, 'client_other')),
  bad(
    'a proof that another key signed is refused',
    proof(token, {}, { jwk: publicJwk('client_es') }, 'client_other'),
  ),
  bad('a private key in the proof is refused', proof(token, {}, { jwk: privateJwk('client_es') })),
  bad('a proof without jwk is refused', proof(token, {}, { jwk: undefined })),
  bad('a jwk that is no object is refused', proof(token, {}, { jwk: 'key' })),
  bad('a jwk that does not suit alg is refused', proof(token, {}, { jwk: publicJwk('client_rs') })),
  bad('a symmetric key is refused', proof(token, {}, { alg: 'HS256', jwk: { kty: 'oct', k: 'c2VjcmV0' } })),
  bad(
    'a jwk with a point that is not on the curve is refused',
    proof(token, {}, { jwk: { ...publicJwk('client_es'), y: publicJwk('client_es').x } }),
  ),
]

const [proofHeader = '', proofPayload = ''] = proof(token).split('.')

const forms: readonly Case[] = [
  bad('a proof of another type is refused', proof(token, {}, { typ: 'JWT' })),
  bad("a proof of an access token's type is refused", proof(token, {}, { typ: 'at+jwt' })),
  bad('a proof without a type is refused', proof(token, {}, { typ: undefined })),
  bad('a proof with alg none is refused', proof(token, {}, { alg: 'none' })),
  bad('a proof without a signature is refused', `${proofHeader}.${proofPayload}.`),
  bad('a proof with crit is refused', proof(token, {}, { crit: ['exp'] })),
  bad('a proof that is no JWS is refused', 'proof'),
  bad('a proof of two parts is refused', `${proofHeader}.${proofPayload}`),
  bad(
    'a proof whose payload is a list is refused',
    signed({ typ: 'dpop+jwt', alg: 'ES256', jwk: publicJwk('client_es') }, '[]', 'client_es'),
  ),
  bad('a proof of more than 8192 characters is refused', proof(token, { padding: 'x'.repeat(6000) })),
  oneCase('DPoP: a token without a proof is refused', local(), [step(T, post([dpop(token)]), badProof)]),
  oneCase('DPoP: two proofs are refused', local(), [
    step(
      T,
      post([dpop(token), ['dpop', proof(token)], ['dpop', proof(token, { jti: 'proof_2' })]]),
      badProof,
    ),
  ]),
  oneCase(
    'DPoP: a token that lacks a scope is challenged as DPoP',
    local({ required_scopes: ['files:delete'] }),
    [step(T, post([dpop(token), ['dpop', proof(token)]]), dpopInsufficientScope('files:delete'))],
  ),
  oneCase('DPoP: the challenge names the required scopes', local({ required_scopes: ['files:read'] }), [
    step(T, post([dpop(token)]), dpopChallenge('invalid_dpop_proof', 'files:read')),
  ]),
]

const claimed: readonly Case[] = [
  bad('a proof for another method is refused', proof(token, { htm: 'GET' })),
  bad('a proof for the method in lower case is refused', proof(token, { htm: 'post' })),
  bad('a proof without htm is refused', proof(token, { htm: undefined })),
  bad('a proof for another path is refused', proof(token, { htu: `${origin}/other` })),
  bad('a proof for the path with a slash more is refused', proof(token, { htu: `${resource}/` })),
  bad('a proof for another origin is refused', proof(token, { htu: 'https://evil.example/mcp' })),
  bad('a proof for another port is refused', proof(token, { htu: 'https://mcp.example:8443/mcp' })),
  bad('a proof for another scheme is refused', proof(token, { htu: 'http://mcp.example/mcp' })),
  bad(
    'a proof for the address behind the proxy is refused',
    proof(token, { htu: 'http://backend.internal:9999/mcp' }),
  ),
  bad('a proof for the path alone is refused', proof(token, { htu: '/mcp' })),
  bad('a proof with a user in htu is refused', proof(token, { htu: 'https://mcp.example@evil.example/mcp' })),
  bad('a proof without htu is refused', proof(token, { htu: undefined })),
  bad('a proof with an htu that is no string is refused', proof(token, { htu: [resource] })),
  good('the host of htu may be in upper case', proof(token, { htu: 'HTTPS://MCP.Example/mcp' })),
  good('htu may have the default port', proof(token, { htu: 'https://mcp.example:443/mcp' })),
  good('a query of htu is not compared (RFC 9449 §4.3)', proof(token, { htu: `${resource}?x=1` })),
  good('a fragment of htu is not compared (RFC 9449 §4.3)', proof(token, { htu: `${resource}#top` })),
  good('htu may encode what needs no encoding', proof(token, { htu: `${origin}/%6Dcp` })),
  good('htu may have dot segments', proof(token, { htu: `${origin}/other/../mcp` })),
  bad('a proof without ath is refused', proof(token, { ath: undefined })),
  bad('a proof for another token is refused', proof(`${token}x`)),
  bad('a proof with the token itself as ath is refused', proof(token, { ath: token })),
  good('a proof of 60 seconds ago is good', proof(token), T + 60),
  bad('a proof of 61 seconds ago is refused', proof(token), T + 61),
  good('a proof 60 seconds ahead is good', proof(token, { iat: T + 60 })),
  bad('a proof 61 seconds ahead is refused', proof(token, { iat: T + 61 })),
  bad('a proof without iat is refused', proof(token, { iat: undefined })),
  bad('a proof with an iat that is a string is refused', proof(token, { iat: String(T) })),
  bad(
    'a proof with an iat beyond every number is refused',
    signed(
      { typ: 'dpop+jwt', alg: 'ES256', jwk: publicJwk('client_es') },
      Buffer.from(proofPayload, 'base64url')
        .toString()
        .replace(String(T), `1${'0'.repeat(400)}`),
      'client_es',
    ),
  ),
  bad('a proof without jti is refused', proof(token, { jti: undefined })),
  bad('a proof with an empty jti is refused', proof(token, { jti: '' })),
  bad('a proof with a jti that is a number is refused', proof(token, { jti: 1 })),
  good('a jti of 256 characters is good', proof(token, { jti: 'j'.repeat(256) })),
  bad('a jti of 257 characters is refused', proof(token, { jti: 'j'.repeat(257) })),
]

const at = (path: string, htu: string, expect: Expectation, method = 'POST') =>
  step(
    T,
    request(method, path, [dpop(token), ['dpop', proof(token, { htu, htm: method, jti: `${path} ${htu}` })]]),
    expect,
  )

const addresses: readonly Case[] = [
  oneCase('DPoP: the proof is for the address of the request, below the origin of the resource', local(), [
    at('/mcp/other', `${origin}/mcp/other`, accepted()),
    at('/mcp/other', resource, badProof),
    at('/mcp', resource, accepted(), 'GET'),
    at('/mcp', `${resource}?`, accepted(), 'DELETE'),
  ]),
  oneCase('DPoP: the query of the request is not compared', local(), [at('/mcp?x=1', resource, accepted())]),
  oneCase('DPoP: the path is compared as it was sent, in upper or lower case of its encoding', local(), [
    at('/mcp/a%2fb', `${resource}/a%2Fb`, accepted()),
    at('/mcp/~ada', `${resource}/%7Eada`, accepted()),
    at('/mcp/%c3%bc', `${resource}/%C3%BC`, accepted()),
  ]),
  oneCase('DPoP: an encoded slash is not a slash', local(), [at('/mcp/a%2Fb', `${resource}/a/b`, badProof)]),
  oneCase('DPoP: an empty path is the root path', local({ resource: origin }), [
    step(
      T,
      request('GET', '/', [
        dpop(accessToken({ aud: origin, cnf: { jkt: thumbprint('client_es') } })),
        [
          'dpop',
          proof(accessToken({ aud: origin, cnf: { jkt: thumbprint('client_es') } }), {
            htm: 'GET',
            htu: origin,
          }),
        ],
      ]),
      accepted({
        subject: 'user_1',
        user_email: 'ada@example.com',
        client_id: 'client_1',
        scopes: ['files:read', 'files:write'],
        audience: origin,
      }),
    ),
  ]),
]

const otherKey = boundTo('client_other')

const replays: readonly Case[] = [
  oneCase('DPoP: a proof serves once', local(), [
    step(T, proven(proof(token)), accepted()),
    step(T + 1, proven(proof(token)), badProof),
    step(T + 2, proven(proof(token, { jti: 'proof_2' })), accepted()),
  ]),
  oneCase('DPoP: a jti serves once, whatever else the proof says', local(), [
    step(T, proven(proof(token)), accepted()),
    step(T + 5, proven(proof(token, { iat: T + 5 })), badProof),
  ]),
  oneCase('DPoP: a proof from ahead of time is remembered until it is too old', local(), [
    step(T, proven(proof(token, { iat: T + 60 })), accepted()),
    step(T + 65, proven(proof(token, { iat: T + 60 })), badProof),
    step(T + 119, proven(proof(token, { iat: T + 60 })), badProof),
  ]),
  oneCase('DPoP: another key may use the same jti', local(), [
    step(T, proven(proof(token)), accepted()),
    step(T + 1, proven(proof(otherKey, {}, {}, 'client_other'), otherKey), accepted()),
  ]),
]

const binding = (name: string, claim: unknown, scheme: 'Bearer' | 'DPoP', expect: Expectation): Case => {
  const bound = accessToken({ cnf: claim })
  const credential = scheme === 'Bearer' ? bearer(bound) : dpop(bound)
  return oneCase(`DPoP: ${name}`, local(), [step(T, post([credential, ['dpop', proof(bound)]]), expect)])
}
/** Which scheme the challenge has is not compared where a bound token came as Bearer. */
const invalid: Expectation = { status: 401, reached: false, body: { error: 'invalid_token' } }
const jkt = thumbprint('client_es')

const bindings: readonly Case[] = [
  binding('a bound token as Bearer is invalid', { jkt }, 'Bearer', invalid),
  binding('a token without cnf as DPoP is invalid', undefined, 'DPoP', dpopChallenge('invalid_token')),
  binding(
    'a token without cnf as Bearer needs no proof, and one does no harm',
    undefined,
    'Bearer',
    accepted(),
  ),
  binding(
    'cnf with another member beside jkt is invalid',
    { jkt, 'x5t#S256': jkt },
    'DPoP',
    dpopChallenge('invalid_token'),
  ),
  binding('cnf with another member is invalid as Bearer', { 'x5t#S256': jkt }, 'Bearer', invalidToken()),
  binding(
    'cnf with a jkt that is no string is invalid',
    { jkt: [jkt] },
    'DPoP',
    dpopChallenge('invalid_token'),
  ),
  binding('cnf that is no object is invalid', jkt, 'Bearer', invalidToken()),
  oneCase('DPoP: an invalid token comes before an invalid proof', local(), [
    step(T, proven('proof', accessToken({ exp: T - 1, cnf: { jkt } })), dpopChallenge('invalid_token')),
  ]),
  oneCase('DPoP: what a bound token may not do is 403', local({ required_scopes: ['more'] }), [
    step(T, proven(proof(token)), { status: 403, reached: false, body: { error: 'insufficient_scope' } }),
  ]),
]

const opaque = (changes: Members) => ({ introspection: { opaque: active(changes), gone: inactive } })

const introspected: readonly Case[] = [
  oneCase('DPoP: a bound token that is introspected needs a proof each time', options(), [
    step(T, proven(proof('opaque'), 'opaque'), accepted(), opaque({ cnf: { jkt } })),
    step(T + 1, proven(proof('opaque'), 'opaque'), badProof),
    step(T + 2, post([dpop('opaque')]), badProof),
    step(T + 3, proven(proof('opaque', { jti: 'proof_2' }), 'opaque'), accepted()),
    step(T + 4, post([bearer('opaque')]), invalid),
  ]),
  oneCase('DPoP: an inactive token is invalid, whatever the proof', options(), [
    step(T, proven(proof('gone'), 'gone'), dpopChallenge('invalid_token'), opaque({})),
  ]),
  oneCase('DPoP: a token that introspection does not bind may not come as DPoP', options(), [
    step(T, proven(proof('opaque'), 'opaque'), dpopChallenge('invalid_token'), opaque({})),
  ]),
  oneCase('DPoP: cnf with another member is invalid for introspection too', options(), [
    step(T, post([bearer('opaque')]), invalidToken(), opaque({ cnf: { 'x5t#S256': jkt } })),
  ]),
]

export const dpopCases: readonly Case[] = [
  ...keys,
  ...forms,
  ...claimed,
  ...addresses,
  ...replays,
  ...bindings,
  ...introspected,
]
