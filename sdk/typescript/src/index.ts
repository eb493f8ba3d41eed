export type { Auth, Claims } from './auth.ts'
export {
  AuthAgentClient,
  type ClientOptions,
  type ExchangedToken,
  type IntrospectionAnswer,
  type TokenExchange,
} from './auth_agent_client.ts'
export { createProtection } from './create_protection.ts'
export { AuthAgentError, type ErrorCode, InsufficientScopeError } from './errors.ts'
export type { ProtectOptions } from './options.ts'
export type { Protection } from './protection.ts'
