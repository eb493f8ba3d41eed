import { type PageProps, pathFrom, withReturnTo } from './base_path.ts'
import { ErrorNotice, Field, HiddenFields } from './form.tsx'
import { renderPage } from './page.tsx'
import { boundText, StrangerText } from './stranger_text.tsx'

export interface SignInPageProps extends PageProps {
  csrf: string
  /** Where to go on once signed in: a path of ours, checked by the caller. */
  returnTo: string
  email?: string | undefined
  /** Who asked for the sign-in, and for which MCP server. */
  client?: { name: string } | undefined
  server?: { name: string } | undefined
  /** Whether mail can leave: offers a code, and a new password. */
  emailCode: boolean
  /** Whether a stranger may make an account. */
  signUp: boolean
  /** Another provider to sign in with, by the name that its button has. */
  upstream?: { name: string } | undefined
  /** Whether the person comes to sign in as somebody else, and whether an app wants him asked anew. */
  switching?: boolean | undefined
  fresh?: boolean | undefined
  error?: string | undefined
  /** Whether the error is of what was typed. Default true. */
  isTyped?: boolean | undefined
  /** Redirect URIs that the sign-in may end at, where a remembered consent answers at once. */
  formActions?: readonly string[] | undefined
}

/**
 * Sign-in by another provider, password, e-mail code or passkey. POST /sign-in/upstream, and POST /sign-in with `method`
 * `password` or `email_code`.
 */
export function renderSignInPage(props: SignInPageProps): Response {
  const { basePath, email, emailCode, error, isTyped = true } = props
  const isInvalid = error !== undefined && isTyped
  return renderPage(
    <section class="card">
      <h1>Sign in</h1>
      <Purpose client={props.client} server={props.server} />
      <ErrorNotice>{error}</ErrorNotice>
      <Upstream {...props} />
      <form method="post" action={pathFrom(basePath, '/sign-in')}>
        <HiddenFields fields={fieldsOf(props)} />
        <Field
          label="E-mail address"
          name="email"
          type="email"
          autocomplete="username webauthn"
          value={email}
          isInvalid={isInvalid}
          autofocus={!email}
          maxlength={254}
        />
        <Field
          label="Password"
          name="password"
          type="password"
          autocomplete="current-password"
          isInvalid={isInvalid}
          autofocus={Boolean(email)}
          maxlength={1024}
        />
        {emailCode && (
          <p class="aside">
            <a href={withReturnTo(basePath, '/password-reset', props.returnTo)}>Forgot your password?</a>
          </p>
        )}
        <button class="button primary" type="submit" name="method" value="password">
          Sign in
        </button>
        <OtherMethods {...props} />
      </form>
      {props.signUp && (
        <p class="foot">
          {emailCode
            ? 'New here? Enter your address and ask for a code: it makes your account.'
            : 'New here? Ask the people who run this server for an invitation.'}
        </p>
      )}
    </section>,
    {
      basePath,
      title: 'Sign in',
      operator: props.operator,
      status: props.status,
      formActions: props.formActions,
      scripts: ['passkey.js'],
    },
  )
}

/** What both forms bring along. */
function fieldsOf({ csrf, returnTo, switching, fresh }: SignInPageProps) {
  return {
    csrf,
    return_to: returnTo,
    switch: switching ? '1' : undefined,
    fresh: fresh ? '1' : undefined,
  }
}

/** A form of its own, so that Enter in the other one stays the password's. */
function Upstream({ upstream, ...props }: SignInPageProps) {
  if (upstream === undefined) return null
  return (
    <form class="others" method="post" action={pathFrom(props.basePath, '/sign-in/upstream')}>
      <HiddenFields fields={{ ...fieldsOf(props), login_hint: props.email }} />
      <button class="button wrap" type="submit">
        {`Continue with ${boundText(upstream.name, 40)}`}
      </button>
      <p class="or">
        <span>or</span>
      </p>
    </form>
  )
}

function Purpose({ client, server }: Pick<SignInPageProps, 'client' | 'server'>) {
  if (!client && !server) return <p class="lead">Use your account to continue.</p>
  return (
    <p class="lead">
      to continue
      {client && (
        <>
          {' with '}
          <strong>
            <StrangerText>{client.name}</StrangerText>
          </strong>
        </>
      )}
      {server && (
        <>
          {' to '}
          <strong>
            <StrangerText>{server.name}</StrangerText>
          </strong>
        </>
      )}
    </p>
  )
}

/** The passkey part stays hidden until the script finds that the browser has them. */
function OtherMethods({ basePath, csrf, returnTo, emailCode }: SignInPageProps) {
  return (
    <div class="others" data-reveal={emailCode ? undefined : 'passkey'} hidden={!emailCode}>
      <p class="or">
        <span>or</span>
      </p>
      <div
        data-passkey="authentication"
        data-base-path={basePath}
        data-csrf={csrf}
        data-return-to={returnTo}
        hidden
      >
        <button class="button" type="button">
          Use a passkey
        </button>
        <p class="status" role="status" aria-live="polite" />
      </div>
      {emailCode && (
        <button class="button" type="submit" name="method" value="email_code" formnovalidate>
          E-mail me a code
        </button>
      )}
    </div>
  )
}
