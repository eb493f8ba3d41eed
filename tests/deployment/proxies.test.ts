import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { makeFolder } from '../support/folders.ts'
import { itWhere } from '../support/it_where.ts'
import { findFreePort } from '../support/main_process.ts'
import { readBlocks } from './document.ts'

const hasProgram = (program: string, argument: string) =>
  spawnSync(program, [argument], { stdio: 'ignore' }).status === 0
const hasNginx = hasProgram('nginx', '-v')
/** Where Debian puts it; it is part of ingress-nginx. */
const HEADERS_MORE =
  process.env['NGINX_HEADERS_MORE'] ?? '/usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so'

/** What a stranger sends, to be named as he likes and to have his request traced. */
const OF_A_STRANGER = {
  'X-Request-Id': 'chosen-by-a-stranger',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'X-Forwarded-For': '203.0.113.9',
}

describe('a proxy that is set up as DEPLOYMENT.md says', () => {
  it.each(['nginx', 'caddy', 'yaml'])('overwrites or drops what a client sends: %s', async (language) => {
    const block = await blockOf(language, 8787)
    expect(block).toMatch(/X-Request-I[dD].*(request_id|uuid)/)
    expect(block).toMatch(/-traceparent$|traceparent "";|clear_input_headers traceparent;/m)
  })

  itWhere(hasNginx)('nginx', async () => {
    const server = await startServer()
    await checkNames(server, await startNginx(await blockOf('nginx', server.port)))
    expect(server.seen()['x-forwarded-for']).toBe('203.0.113.9, 127.0.0.1')
  })

  itWhere(hasProgram('caddy', 'version'))('Caddy', async () => {
    const server = await startServer()
    const port = await findFreePort()
    const caddyfile = `{\nadmin off\n}\nhttp://localhost:${port} {\nbind 127.0.0.1\n${await blockOf('caddy', server.port)}}\n`
    const folder = await makeFolder()
    await writeFile(join(folder, 'Caddyfile'), caddyfile)
    const args = ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile']
    await startProxy('caddy', args, port, { HOME: folder })
    await checkNames(server, port)
    expect(server.seen()['x-forwarded-for']).toBe('127.0.0.1')
  })

  // Its template, as far as it is about the id: a client's own is kept.
  itWhere(hasNginx && existsSync(HEADERS_MORE))('ingress-nginx', async () => {
    const server = await startServer()
    const { data } = parse(await blockOf('yaml', server.port)) as { data: Record<string, string> }
    const location = (snippet: string) => `location / {
      proxy_pass http://127.0.0.1:${server.port};
      proxy_set_header X-Request-ID $req_id;
      ${snippet}
    }`
    const map = 'map $http_x_request_id $req_id { default $http_x_request_id; "" $request_id; }'
    const trusting = await startNginx(location(''), map)
    expect(await namesAt(server, trusting)).toEqual([
      OF_A_STRANGER['X-Request-Id'],
      OF_A_STRANGER.traceparent,
    ])
    await checkNames(server, await startNginx(location(data['location-snippet'] ?? ''), map))
  })
})

async function blockOf(language: string, port: number): Promise<string> {
  const blocks = (await readBlocks()).get('Behind a proxy') ?? []
  const [block] = blocks.filter((each) => each.language === language)
  return (block?.text ?? '').replace('127.0.0.1:8787', `127.0.0.1:${port}`)
}

interface Server {
  port: number
  /** The headers of the last request. */
  seen(): IncomingHttpHeaders
}

async function startServer(): Promise<Server> {
  let headers: IncomingHttpHeaders = {}
  const server = createServer((request, response) => {
    headers = request.headers
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  return { port: typeof address === 'object' && address ? address.port : 0, seen: () => headers }
}

async function namesAt(server: Server, port: number) {
  await fetch(`http://localhost:${port}/`, { headers: OF_A_STRANGER })
  return [server.seen()['x-request-id'], server.seen()['traceparent']]
}

async function checkNames(server: Server, port: number): Promise<void> {
  const [first] = await namesAt(server, port)
  const [id, traceParent] = await namesAt(server, port)
  // As node/src/proxy_names.ts takes it.
  expect(id).toMatch(/^[\w-]{32,36}$/)
  expect(id).not.toBe(first)
  expect(traceParent).toBeUndefined()
}

async function startNginx(location: string, http = ''): Promise<number> {
  const folder = await makeFolder()
  await chmod(folder, 0o777)
  await mkdir(join(folder, 'temporary'))
  const port = await findFreePort()
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, 'temporary', name)};`,
  )
  const configuration = `${existsSync(HEADERS_MORE) ? `load_module ${HEADERS_MORE};` : ''}
daemon off; master_process off; pid ${join(folder, 'pid')}; error_log stderr;
events {}
http { access_log off; ${paths.join(' ')} ${http} server { listen 127.0.0.1:${port}; ${location} } }`
  await writeFile(join(folder, 'nginx.conf'), configuration)
  await startProxy('nginx', ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], port)
  return port
}

async function startProxy(
  program: string,
  args: readonly string[],
  port: number,
  env: Record<string, string> = {},
): Promise<void> {
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let complaints = ''
  child.stderr.on('data', (text: Buffer) => {
    complaints += text
  })
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.kill()
    await ended
  })
  while (!(await fetch(`http://localhost:${port}/`).catch(() => undefined))) {
    if (child.exitCode !== null) throw new Error(complaints)
    await sleep(50)
  }
}
