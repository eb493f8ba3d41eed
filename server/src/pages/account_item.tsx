import type { JSX } from 'hono/jsx/jsx-runtime'
import { pathFrom } from './base_path.ts'
import { HiddenFields } from './form.tsx'
import { boundText } from './stranger_text.tsx'

/** A form of one button that ends one thing; `object` says to those who cannot see the row which one. */
export function EndButton(props: {
  basePath: string
  action: `/${string}`
  csrf: string
  id: string
  label: string
  object: string
}): JSX.Element {
  return (
    <form method="post" action={pathFrom(props.basePath, props.action)}>
      <HiddenFields fields={{ csrf: props.csrf, id: props.id }} />
      <button class="button small danger" type="submit">
        {props.label}
        <span class="unseen"> {boundText(props.object, 140)}</span>
      </button>
    </form>
  )
}
