/** The scopes of OpenID Connect Core §5.4 and §11, in words for people. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  openid: 'Know that it is you',
  email: 'See your e-mail address',
  profile: 'See your name',
  offline_access: 'Stay connected while you are away',
}

/** What identity is called towards people. */
const IDENTITY: Readonly<Record<string, string>> = {
  sub: 'an identifier that stands for you',
  openid: 'an identifier that stands for you',
  email: 'your e-mail address',
  profile: 'your name',
  name: 'your name',
}

/** What a scope allows: in its owner's words, else in ours for the scopes of OpenID Connect, else undefined. */
export function findScopeDescription(scope: { name: string; description: string }): string | undefined {
  if (scope.description.trim()) return scope.description
  return Object.hasOwn(DESCRIPTIONS, scope.name) ? DESCRIPTIONS[scope.name] : undefined
}

/** `email` → "your e-mail address"; what has no words of ours stays as it is. */
export function describeIdentity(claim: string): string {
  return (Object.hasOwn(IDENTITY, claim) ? IDENTITY[claim] : undefined) ?? claim
}
