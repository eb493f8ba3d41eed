import type { PageProps } from './base_path.ts'
import { Moment } from './moment.tsx'
import { renderPage, SEVER_OPENER } from './page.tsx'

export interface DevInboxMessage {
  to: string
  subject: string
  text: string
  sentAt: Date
}

export interface DevInboxPageProps extends PageProps {
  messages: readonly DevInboxMessage[]
}

/** Mail that did not leave: for development on this computer only. */
export function renderDevInboxPage({ basePath, messages, status }: DevInboxPageProps): Response {
  return renderPage(
    <>
      <h1>Development inbox</h1>
      <p class="lead">
        No way out for mail is set up, so it ends here, where only this computer can read it.
      </p>
      {messages.length === 0 && (
        <p class="card empty">Nothing yet. Mail that is sent appears when you reload.</p>
      )}
      {messages.map((message) => (
        <article class="card message">
          <h2>{message.subject}</h2>
          <p class="hint">
            To {message.to}, <Moment at={message.sentAt} />
          </p>
          <p class="mail">
            <WithLinks text={message.text} />
          </p>
        </article>
      ))}
    </>,
    { basePath, title: 'Development inbox', status, width: 'wide', headers: SEVER_OPENER },
  )
}

function WithLinks({ text }: { text: string }) {
  return (
    <>
      {text
        .split(/(https?:\/\/[^\s<>"']+)/)
        .map((part, index) => (index % 2 === 1 ? <a href={part}>{part}</a> : part))}
    </>
  )
}
