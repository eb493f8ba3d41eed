import type { JSX } from 'hono/jsx/jsx-runtime'

/** Where an error stands in a page with one form; its fields point here. */
export const ERROR_ID = 'error'

/** What went wrong, announced when the page loads. Nothing, when nothing did. */
export function ErrorNotice({ children }: { children: string | undefined }) {
  if (!children) return null
  return (
    <p class="notice error" id={ERROR_ID} role="alert">
      {children}
    </p>
  )
}

/** What went well. */
export function SuccessNotice({ children }: { children: string | undefined }) {
  if (!children) return null
  return (
    <p class="notice success" role="status">
      {children}
    </p>
  )
}

/** Form fields that nobody sees; those without a value are left out. */
export function HiddenFields({ fields }: { fields: Readonly<Record<string, string | undefined>> }) {
  return (
    <>
      {Object.entries(fields).map(
        ([name, value]) => value !== undefined && <input type="hidden" name={name} value={value} />,
      )}
    </>
  )
}

export interface FieldProps {
  label: string
  name: string
  type: 'email' | 'password' | 'text'
  autocomplete: string
  value?: string | undefined
  hint?: string
  /** The form was sent back because of this field, or one beside it. */
  isInvalid?: boolean
  autofocus?: boolean
  required?: boolean
  inputmode?: 'text' | 'email'
  maxlength?: number
  minlength?: number
  class?: string
  /** Where two forms of a page have a field of the same name. */
  id?: string
}

/** A labelled input; its hint and the page's error are read out with it. */
export function Field({ label, hint, isInvalid, id, ...input }: FieldProps): JSX.Element {
  const inputId = id ?? input.name
  const describedBy = [hint && `${inputId}-hint`, isInvalid && ERROR_ID].filter(Boolean).join(' ')
  const isCode = input.autocomplete === 'one-time-code' || input.type === 'email'
  return (
    <div class="field">
      <label for={inputId}>{label}</label>
      <input
        {...input}
        id={inputId}
        required={input.required ?? true}
        aria-invalid={isInvalid ? 'true' : undefined}
        aria-describedby={describedBy || undefined}
        autocapitalize={isCode ? 'none' : undefined}
        spellcheck={isCode ? false : undefined}
      />
      {hint && (
        <p class="hint" id={`${inputId}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}

/** A password to be chosen, with what is asked of it. */
export function NewPasswordField(props: {
  label: string
  name: string
  minLength: number
  isInvalid: boolean
}) {
  return (
    <Field
      label={props.label}
      name={props.name}
      type="password"
      autocomplete="new-password"
      minlength={props.minLength}
      isInvalid={props.isInvalid}
      hint={`At least ${props.minLength} characters. A few words that nobody else would put together are best.`}
    />
  )
}
