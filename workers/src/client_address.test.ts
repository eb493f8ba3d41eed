import { expect, it } from 'vitest'
import { findClientAddress } from './client_address.ts'

const find = (address: string) => findClientAddress(new Headers({ 'CF-Connecting-IP': address }))

it.each(['192.0.2.1', '2001:db8::1', '2a06:98c0:3601::103'])('%s is the address of a client', (address) => {
  expect(find(address)).toBe(address)
})

it.each(['2a06:98c0:3600::103', '2A06:98C0:3600:0:0:0:0:103'])(
  '%s stands for all Workers of others, and so for nobody',
  (address) => {
    expect(find(address)).toBeUndefined()
  },
)

it('there may be none', () => {
  expect(findClientAddress(new Headers({ 'X-Forwarded-For': '192.0.2.1' }))).toBeUndefined()
})
