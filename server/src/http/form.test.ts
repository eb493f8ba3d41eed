import { expect, test } from 'vitest'
import { OAuthError } from '../errors.ts'
import { readForm, readQuery } from './form.ts'
import { readJson } from './json_body.ts'

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

function post(body: string | ReadableStream<Uint8Array>, headers: Record<string, string> = FORM): Request {
  return new Request('https://as.example/token', {
    method: 'POST',
    body,
    headers,
    duplex: 'half',
  } as RequestInit)
}

/** A body without a Content-Length that says how much of it was taken. */
function endless(): { body: ReadableStream<Uint8Array>; taken(): number } {
  let taken = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      taken += 16_384
      controller.enqueue(new Uint8Array(16_384).fill(97))
    },
  })
  return { body, taken: () => taken }
}

async function refusal(
  promise: Promise<unknown>,
): Promise<{ code: string; status: number; description: string }> {
  const error = await promise.then(
    () => expect.unreachable('It was accepted.'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(OAuthError)
  const { code, status, description } = error as OAuthError
  return { code, status, description }
}

test('a form has its values, and an empty one counts as absent (RFC 6749 §3.1)', async () => {
  const form = await readForm(
    post('a=1&b=&c=x+y%C3%A9&r=1&r=2', { 'Content-Type': `${FORM['Content-Type']}; charset=UTF-8` }),
  )
  expect(form.get('a')).toBe('1')
  expect(form.get('b')).toBeUndefined()
  expect(form.get('c')).toBe('x yé')
  expect(form.get('missing')).toBeUndefined()
  expect(form.getAll('r')).toEqual(['1', '2'])
})

test('a parameter that is given twice is named', async () => {
  const form = await readForm(post('code=1&code=2'))
  expect(() => form.get('code')).toThrow('The parameter code was given more than once.')
  expect(() => readQuery(new Request('https://as.example/authorize?state=a&state=b')).get('state')).toThrow(
    'state',
  )
})

test('another content type is refused with the name of the expected one', async () => {
  for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/plain']) {
    const { code, status, description } = await refusal(readForm(post('a=1', { 'Content-Type': type })))
    expect({ code, status }).toEqual({ code: 'invalid_request', status: 400 })
    expect(description).toContain('application/x-www-form-urlencoded')
  }
})

test('a body over 64 KiB is refused while it is read, whatever its headers say', async () => {
  expect((await refusal(readForm(post(`a=${'x'.repeat(65_536)}`)))).status).toBe(413)
  const { body, taken } = endless()
  expect((await refusal(readForm(post(body)))).status).toBe(413)
  expect(taken()).toBeLessThan(65_536 * 2)
  const honest = post('a=1', { ...FORM, 'Content-Length': '70000' })
  expect((await refusal(readForm(honest))).status).toBe(413)
})

test('a NUL is refused in every spelling', async () => {
  const form = await readForm(post('a=%00'))
  expect(() => form.get('a')).toThrow('NUL')
  expect((await refusal(readForm(post('a=\0')))).code).toBe('invalid_request')
  const json = { 'Content-Type': 'application/json' }
  expect((await refusal(readJson(post('{"a":"\\u0000"}', json)))).code).toBe('invalid_request')
  expect((await refusal(readJson(post('{"\\ud800":1}', json)))).code).toBe('invalid_request')
})

test('a body that breaks off is a bad request, not a fault of ours', async () => {
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error('aborted')),
  })
  expect((await refusal(readForm(post(body)))).code).toBe('invalid_request')
})

test('what is no JSON is refused', async () => {
  const json = { 'Content-Type': 'application/json' }
  expect(await readJson(post('{"a":1}', json))).toEqual({ a: 1 })
  expect((await refusal(readJson(post('{"a":', json)))).code).toBe('invalid_request')
  expect((await refusal(readJson(post('a=1')))).description).toContain('application/json')
})
