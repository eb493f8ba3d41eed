import { AuthAgentClient } from './auth_agent_client.ts'
import { DenialFeed } from './denial_feed.ts'
import { Introspection } from './introspection.ts'
import { KeySet } from './key_set.ts'
import { LocalValidation } from './local_validation.ts'
import { checkOptions } from './option_checks.ts'
import type { ProtectOptions } from './options.ts'
import { OwnResourceSource } from './own_resource.ts'
import { detectPlatform, type Platform } from './platform.ts'
import type { Protection } from './protection.ts'
import { ReplayMemory } from './replay_memory.ts'
import { RequestProtection } from './request_protection.ts'
import { TokenValidation } from './token_validation.ts'
import { ToolScopes } from './tool_scopes.ts'
import { ToolTable } from './tool_table.ts'

/** @throws TypeError for options that make no sense */
export function createProtection(options: ProtectOptions): Protection {
  return createProtectionOn(detectPlatform(), options)
}

/** The same, on surroundings of the caller's. */
export function createProtectionOn(platform: Platform, options: ProtectOptions): Protection {
  const settings = checkOptions(options)
  const client = new AuthAgentClient(settings, platform)
  const feed = new DenialFeed(client, platform)
  const introspection = new Introspection(client, feed, platform)
  const keys = new KeySet(client, platform)
  const how =
    settings.validation === 'introspect'
      ? introspection
      : new LocalValidation({ keys, feed, introspection, platform }, settings.maxStaleness)
  const validation = new TokenValidation(how, new ReplayMemory(), platform)
  const ownResource = new OwnResourceSource(client, settings, platform)
  const tools = settings.toolScopes && new ToolScopes(new ToolTable(settings.toolScopes), platform)
  return new RequestProtection(settings, { ownResource, validation, feed, tools })
}

/** What adapters take: options, or a protection that several of them share. */
export function asProtection(options: ProtectOptions | Protection): Protection {
  return 'decide' in options ? options : createProtection(options)
}
