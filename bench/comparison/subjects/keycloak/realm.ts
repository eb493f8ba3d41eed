export const REALM = 'bench'

/** A client for machines, which also asks about tokens. */
export const MACHINE = { id: 'machine', secret: 'the secret of a machine, for one benchmark' }
/** What people authorize: it has no secret, as clients of MCP have none. */
export const APP = 'app'
/** The same, but it asks for consent. */
export const STRANGER = 'stranger'
export const REDIRECT_URI = 'https://app.example/callback'
export const PASSWORD = 'correct horse battery staple'

/** Longer than a benchmark, where by itself a token is good for five minutes and a session that rests for thirty; in seconds. */
const LONG = 86_400

/** What the Admin REST API makes of the realm; what is not said stays as Keycloak has it by itself. */
export const REALM_REPRESENTATION = {
  realm: REALM,
  enabled: true,
  defaultSignatureAlgorithm: 'ES256',
  // Refresh tokens rotate: each is good for one use.
  revokeRefreshToken: true,
  refreshTokenMaxReuse: 0,
  accessTokenLifespan: LONG,
  ssoSessionIdleTimeout: LONG,
  ssoSessionMaxLifespan: LONG,
  clients: [
    {
      clientId: MACHINE.id,
      secret: MACHINE.secret,
      serviceAccountsEnabled: true,
      standardFlowEnabled: false,
      // Who asks about a token must be one of its audiences.
      protocolMappers: [
        {
          name: 'audience',
          protocol: 'openid-connect',
          protocolMapper: 'oidc-audience-mapper',
          config: { 'included.client.audience': MACHINE.id, 'access.token.claim': 'true' },
        },
      ],
    },
    clientOfPeople(APP, false),
    clientOfPeople(STRANGER, true),
  ],
  components: {
    'org.keycloak.keys.KeyProvider': [
      // Two of these sign: access tokens and ID tokens (ES256), and what only the server reads (HS512).
      keyProvider('ecdsa-generated', { ecdsaEllipticCurveKey: ['P-256'] }),
      keyProvider('hmac-generated', { algorithm: ['HS512'] }),
      keyProvider('aes-generated', {}),
    ],
    // All of its policies for anonymous registration but two: the trusted hosts, of which there are none, and the limit of 200 clients.
    'org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy': [
      anonymousPolicy('Consent Required', 'consent-required'),
      anonymousPolicy('Full Scope Disabled', 'scope'),
      anonymousPolicy('Allowed Protocol Mapper Types', 'allowed-protocol-mappers', {
        'allowed-protocol-mapper-types': ['oidc-full-name-mapper', 'oidc-usermodel-attribute-mapper'],
      }),
      anonymousPolicy('Allowed Client Scopes', 'allowed-client-templates', {
        'allow-default-scopes': ['true'],
      }),
    ],
  },
}

function clientOfPeople(clientId: string, consentRequired: boolean) {
  return {
    clientId,
    publicClient: true,
    redirectUris: [REDIRECT_URI],
    consentRequired,
    attributes: { 'pkce.code.challenge.method': 'S256' },
  }
}

function keyProvider(providerId: string, config: Record<string, string[]>) {
  return { name: providerId, providerId, config: { priority: ['100'], ...config } }
}

function anonymousPolicy(name: string, providerId: string, config: Record<string, string[]> = {}) {
  return { name, providerId, subType: 'anonymous', config }
}

/** A person, with all that the realm's user profile asks for, so that nothing else is asked at the sign-in. */
export function personRepresentation(person: number) {
  return {
    username: usernameOf(person),
    enabled: true,
    email: `${usernameOf(person)}@example.com`,
    emailVerified: true,
    firstName: 'Person',
    lastName: String(person),
    credentials: [{ type: 'password', value: PASSWORD, temporary: false }],
  }
}

export function usernameOf(person: number): string {
  return `person${person}`
}
