import { DatabaseSync } from 'node:sqlite'

/** A note of one person. */
export interface Note {
  title: string
  text: string
  /** ISO 8601, UTC. */
  changed_at: string
}

/** How much one person may keep. */
export const MAX_NOTES = 1000

const SCHEMA = `
  create table if not exists notes (
    owner text not null,
    title text not null,
    text text not null,
    changed_at text not null,
    primary key (owner, title)
  ) strict`

/** Notes in an SQLite file. Every method names whose notes it works on: nobody reaches anybody else's. */
export class Notes {
  readonly #database: DatabaseSync

  constructor(path: string) {
    this.#database = new DatabaseSync(path)
    this.#database.exec('pragma journal_mode = wal')
    this.#database.exec(SCHEMA)
  }

  /** In the order of their titles. */
  list(owner: string): Note[] {
    return this.#database
      .prepare('select title, text, changed_at from notes where owner = ? order by title')
      .all(owner)
      .map(toNote)
  }

  find(owner: string, title: string): Note | undefined {
    const row = this.#database
      .prepare('select title, text, changed_at from notes where owner = ? and title = ?')
      .get(owner, title)
    return row === undefined ? undefined : toNote(row)
  }

  /** Writes a note in place of one with the same title. False where its owner has MAX_NOTES already. */
  save(owner: string, { title, text }: Pick<Note, 'title' | 'text'>, now: Date): boolean {
    const { changes } = this.#database
      .prepare(
        `insert into notes (owner, title, text, changed_at)
         select :owner, :title, :text, :changed_at
         where (select count(*) from notes where owner = :owner and title <> :title) < :max
         on conflict (owner, title) do update set text = excluded.text, changed_at = excluded.changed_at`,
      )
      .run({ owner, title, text, changed_at: now.toISOString(), max: MAX_NOTES })
    return changes > 0
  }

  /** False where there is no such note. */
  remove(owner: string, title: string): boolean {
    const { changes } = this.#database
      .prepare('delete from notes where owner = ? and title = ?')
      .run(owner, title)
    return changes > 0
  }

  close(): void {
    this.#database.close()
  }
}

function toNote(row: Record<string, unknown>): Note {
  return { title: String(row['title']), text: String(row['text']), changed_at: String(row['changed_at']) }
}
