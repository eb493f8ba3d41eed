import { active, bearer, type Case, type Expectation, oneCase, options, post, step } from '../case.ts'
import { accepted, insufficientScope, who } from '../expectation.ts'
import { type Members, T } from '../tokens.ts'

/** RFC 6750 §3.1, and scope_hierarchy. */
const single = (name: string, scope: string, more: Members, expect: Expectation): Case =>
  oneCase(name, options(more), [
    step(T, post([bearer('good')]), expect, { introspection: { good: active({ scope }) } }),
  ])

const holds = (...scopes: string[]): Expectation => accepted(who({ scopes }))
const chain = { admin: ['files:write'], 'files:write': ['files:read'] }

export const scopeCases: readonly Case[] = [
  single(
    'a token with the required scopes is enough',
    'b a c',
    { required_scopes: ['a', 'b'] },
    holds('b', 'a', 'c'),
  ),
  single(
    'a missing scope is named with all that is required',
    'a',
    { required_scopes: ['b', 'a'] },
    insufficientScope('b a'),
  ),
  single(
    'a scope must be equal, not begin alike',
    'files:readonly',
    { required_scopes: ['files:read'] },
    insufficientScope('files:read'),
  ),
  single(
    'a scope must be equal in case',
    'Files:Read',
    { required_scopes: ['files:read'] },
    insufficientScope('files:read'),
  ),
  single(
    'a scope implies another',
    'files:write',
    { required_scopes: ['files:read'], scope_hierarchy: chain },
    holds('files:write', 'files:read'),
  ),
  single(
    'a scope implies others over two steps',
    'admin',
    { required_scopes: ['files:read'], scope_hierarchy: chain },
    holds('admin', 'files:write', 'files:read'),
  ),
  single(
    'a scope does not imply the one above it',
    'files:read',
    { required_scopes: ['files:write'], scope_hierarchy: chain },
    insufficientScope('files:write'),
  ),
  single(
    'what is implied comes at the end, each once',
    'admin files:read x',
    { scope_hierarchy: chain },
    holds('admin', 'files:read', 'x', 'files:write'),
  ),
  single(
    'a circle in the hierarchy ends',
    'a',
    { required_scopes: ['c'], scope_hierarchy: { a: ['b'], b: ['c'], c: ['a'] } },
    holds('a', 'b', 'c'),
  ),
  single('a scope that implies itself does no harm', 'a', { scope_hierarchy: { a: ['a'] } }, holds('a')),
  single(
    'scopes named like members of every object imply nothing',
    'constructor __proto__',
    { scope_hierarchy: chain },
    holds('constructor', '__proto__'),
  ),
]
