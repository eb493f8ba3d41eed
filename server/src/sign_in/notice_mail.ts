import type { ServerContext } from '../context.ts'
import { runInBackground } from './background.ts'

/**
 * Tells somebody by mail that a way to sign in to his account has changed (NIST SP 800-63B-4 §4.1.3), so that he
 * hears of it if it was not he. Nobody waits for it.
 *
 * @param happened a short sentence without its full stop, such as `Your password was changed`
 */
export function noticeByMail(context: ServerContext, to: string, happened: string): void {
  const { mailer, issuer } = context
  if (mailer === undefined) return
  const host = new URL(issuer.url).host
  runInBackground(context, 'notice by mail', () =>
    mailer.send({
      to,
      subject: `${happened} at ${host}`,
      text: `${happened} at ${host}, on ${new Date(context.now()).toUTCString()}.

If it was you, you need not do anything. If it was not, look at your account and choose a new password:

${issuer.url}/account
`,
    }),
  )
}
