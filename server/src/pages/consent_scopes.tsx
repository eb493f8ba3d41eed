import type { ConsentPageProps, ConsentScope } from './consent_page.tsx'
import { findScopeDescription } from './scope_descriptions.ts'
import { StrangerText } from './stranger_text.tsx'

/** What is asked, each to be refused by itself; at a step-up what is new comes first and says so. */
export function ConsentScopes({ scopes, stepUp }: Pick<ConsentPageProps, 'scopes' | 'stepUp'>) {
  if (scopes.length === 0) return <p>It asks for no particular permission.</p>
  const shown = stepUp ? [...scopes].sort((a, b) => Number(b.isNew) - Number(a.isNew)) : scopes
  return (
    <fieldset class="scopes">
      <legend>It will be able to</legend>
      {shown.map((scope, index) => (
        <ScopeChoice scope={scope} id={`scope-${index}`} isMarked={stepUp && scope.isNew} />
      ))}
    </fieldset>
  )
}

function ScopeChoice({ scope, id, isMarked }: { scope: ConsentScope; id: string; isMarked: boolean }) {
  const description = findScopeDescription(scope)
  return (
    <label class="scope" for={id}>
      <input type="checkbox" name="scope" value={scope.name} id={id} checked />
      <span>
        <span class="scope-description">
          <StrangerText max={200}>{description ?? scope.name}</StrangerText>
          {isMarked && <span class="tag">new</span>}
        </span>
        {description !== undefined && (
          <code class="detail wrap">
            <StrangerText max={100}>{scope.name}</StrangerText>
          </code>
        )}
      </span>
    </label>
  )
}
