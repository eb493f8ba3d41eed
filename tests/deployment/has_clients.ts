import { spawnSync } from 'node:child_process'
import { isUnix } from '../support/it_where.ts'

/** The packages that bring PostgreSQL leave out its clients, which a machine has or has not; and OpenSSL. */
export const hasClients =
  isUnix &&
  [
    ['pg_dump', '--version'],
    ['psql', '--version'],
    ['openssl', 'version'],
  ].every(([program = '', argument = '']) => spawnSync(program, [argument], { stdio: 'ignore' }).status === 0)
