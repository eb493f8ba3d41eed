/**
 * Who may import whom: the table of the architecture as an allow-list. What no line below admits is refused.
 * Types are part of it: a file that knows another's types knows that file.
 */

/** Files at the top of the server: options, errors, log, what a request carries along. */
const BASE = 'server/src/(?!(server|create_context)\\.ts)[^/]+\\.tsx?$'
const POSTGRES = 'server/src/storage/postgres\\.ts$'
/** Storage as the server sees it: everything but the driver. */
const STORAGE = 'server/src/storage/(?!postgres\\.ts)'
/** What server/package.json exports to the entries. */
const SERVER_API =
  'server/src/(server|options|errors|attempt_counters|end_of_turn|environment_values|environment_variables|issuer|log|mail|queue|shared_work|authentication/server_authentication|checks/network|clients/public_fetch|telemetry/(request_scope|telemetry)|storage/(storage|database|postgres|migrate))\\.ts$'
const TESTS = '^(tests|bench)/|\\.test\\.tsx?$'

const server = (...folders) => `^server/src/(${folders.join('|')})/`

/** Folder of the server → folders of the server that it may import besides itself. */
const SERVER_FOLDERS = {
  endpoints: [
    'http',
    'authorization',
    'authentication',
    'grants',
    'sign_in',
    'pages',
    'clients',
    'checks',
    'tokens',
    'audit',
    'keys',
  ],
  management: ['http', 'grants', 'sign_in', 'pages', 'clients', 'checks', 'tokens', 'audit', 'keys'],
  authorization: [
    'http',
    'telemetry',
    'grants',
    'sign_in',
    'pages',
    'clients',
    'checks',
    'tokens',
    'audit',
    'keys',
  ],
  authentication: ['http', 'clients', 'checks', 'tokens', 'audit', 'keys'],
  http: ['pages', 'telemetry'],
  grants: ['checks', 'tokens', 'clients', 'audit', 'keys'],
  sign_in: ['checks', 'tokens', 'clients', 'audit', 'keys'],
  clients: ['checks', 'audit', 'keys'],
  tokens: ['checks', 'clients', 'audit', 'keys'],
  audit: ['keys'],
  keys: [],
  telemetry: [],
}

const serverFolders = Object.entries(SERVER_FOLDERS).map(([folder, others]) => ({
  from: { path: server(folder) },
  to: { path: [server(folder, ...others), `^${BASE}`, `^${STORAGE}`] },
}))

module.exports = {
  allowedSeverity: 'error',
  allowed: [
    { comment: 'Tests may import everything.', from: { path: TESTS }, to: {} },
    {
      comment: 'Packages of npm.',
      from: {},
      to: { dependencyTypes: NPM(), pathNot: '^(server|node|workers)/' },
    },
    { comment: 'A rule below tells of those.', from: {}, to: { couldNotResolve: true } },
    { comment: 'Modules of Node.', from: {}, to: { dependencyTypes: ['core'] } },
    ...serverFolders,
    {
      from: { path: '^server/src/(server|create_context)\\.ts$' },
      to: { path: '^server/src/', pathNot: POSTGRES },
    },
    { from: { path: `^${BASE}` }, to: { path: `^${BASE}` } },
    {
      comment: 'Options, and what a request carries along, name the types of their parts.',
      from: { path: `^${BASE}` },
      to: { path: '^server/src/', pathNot: POSTGRES, dependencyTypes: ['type-only'] },
    },
    { from: { path: '^server/src/storage/' }, to: { path: ['^server/src/storage/', `^${BASE}`] } },
    { from: { path: '^server/src/pages/' }, to: { path: ['^server/src/pages/', `^${BASE}`] } },
    {
      comment: 'Pages show what storage and clients hold; they ask neither.',
      from: { path: '^server/src/pages/' },
      to: { path: server('storage', 'clients'), dependencyTypes: ['type-only'] },
    },
    {
      comment: 'Telemetry names what it counts by the types of those who have it.',
      from: { path: '^server/src/telemetry/' },
      to: { path: '^server/src/', dependencyTypes: ['type-only'] },
    },
    {
      comment: 'Checks are pure: types, errors, each other and nothing else.',
      from: { path: '^server/src/checks/' },
      to: { path: '^server/src/(errors\\.ts$|checks/)' },
    },
    {
      from: { path: '^server/src/checks/' },
      to: { path: '^server/src/', dependencyTypes: ['type-only'] },
    },
    ...['node', 'workers'].map((entry) => ({
      from: { path: `^${entry}/` },
      to: { path: [`^${entry}/`, `^${SERVER_API}`] },
    })),
    ...['cli', 'console', 'scripts'].map((part) => ({
      from: { path: `^${part}/` },
      to: { path: `^${part}/` },
    })),
    { from: { path: '^sdk/typescript/' }, to: { path: '^sdk/typescript/' } },
    { from: { path: '^sdk/make_vectors/' }, to: { path: '^sdk/make_vectors/' } },
    { from: { path: '^examples/' }, to: { path: ['^examples/', '^sdk/typescript/'] } },
  ],
  forbidden: [
    {
      name: 'driver-only-in-entries',
      comment: 'Only node, workers and tests name the driver.',
      severity: 'error',
      from: { path: '^server/src/', pathNot: [POSTGRES, TESTS] },
      to: { path: [POSTGRES, '(^|/)node_modules/pg/', '^pg$'] },
    },
    {
      name: 'server-knows-no-runtime',
      comment: 'The server imports no module of Node but those that Workers have as well.',
      severity: 'error',
      from: { path: '^server/src/', pathNot: TESTS },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer|async_hooks)$' },
    },
    {
      name: 'checks-are-pure',
      comment: 'Checks import nothing but types and errors; a digest is a pure function too.',
      severity: 'error',
      from: { path: '^server/src/checks/', pathNot: TESTS },
      to: {
        pathNot: ['^server/src/(errors\\.ts$|checks/)', '^(node:)?crypto$'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'grants-import-no-endpoints',
      comment: 'A grant is called by the token endpoint and knows nothing of it.',
      severity: 'error',
      from: { path: '^server/src/grants/', pathNot: TESTS },
      to: { path: '^server/src/endpoints/' },
    },
    {
      name: 'sdk-stands-alone',
      comment:
        'The SDK has one dependency, and runs where there is no Node: all else are types, or loaded by who has it.',
      severity: 'error',
      from: { path: '^sdk/typescript/src/', pathNot: ['^sdk/typescript/src/testing/', TESTS] },
      to: {
        pathNot: ['^sdk/typescript/src/(?!testing/)', '(^|/)node_modules/jose/'],
        dependencyTypesNot: ['type-only', 'dynamic-import'],
      },
    },
    {
      name: 'no-circular',
      comment: 'Modules that need each other are one module.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'resolvable',
      comment: 'Every import leads somewhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: ['^(cloudflare|virtual):', '^pg$'] },
    },
  ],
  options: {
    // TypeScript 7 has no API for JavaScript; swc reads type-only imports as well.
    parser: 'swc',
    combinedDependencies: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^(dist|[a-z]+/dist|sdk/typescript/dist)/', '^server/src/pages/browser/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'],
    },
  },
}

function NPM() {
  return ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg', 'npm-unknown']
}
