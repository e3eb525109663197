import { ManualClock } from '@qps/core'
import { rotateTicketKeys, TicketKeys } from '@qps/tls'
import { expect, test } from 'vitest'

const secret = Buffer.alloc(32, 7)
const hourMs = 3_600_000

test('who has the secret has the same keys at the same time, and others have others', () => {
  const clock = new ManualClock()
  const keys = new TicketKeys({ secret, clock })
  expect(keys.current()).toHaveLength(48)
  expect(new TicketKeys({ secret, clock }).current()).toEqual(keys.current())
  expect(new TicketKeys({ secret: Buffer.alloc(32, 8), clock }).current()).not.toEqual(keys.current())
})

test('the derivation does not change: members of two releases understand each other', () => {
  const keys = new TicketKeys({ secret, clock: new ManualClock(0) })
  // openssl kdf -keylen 48 -kdfopt digest:SHA256 -kdfopt hexkey:0707… -kdfopt info:'session tickets, slot 0' HKDF
  expect(keys.current().toString('hex')).toBe(
    'f335ab3d350e3ae9d6116e6e0fdf09edd091f527984db13bd51e5a85ceed4ee03bd3d2b9118162d144e4292c0f95549b',
  )
})

test('a ticket of this slot, of the one before and of the next is known, no other', () => {
  const clock = new ManualClock()
  const keys = new TicketKeys({ secret, clock })
  const names = Array.from({ length: 5 }, () => {
    const written = keys.current()
    clock.advance(hourMs)
    return written
  })
  clock.jumpWall(-3 * hourMs)
  expect(keys.slot * hourMs).toBe(clock.wallMs())
  const found = names.map((written) => keys.find(Buffer.concat([written.subarray(0, 16), Buffer.alloc(100)])))
  expect(found).toEqual([undefined, names[1], names[2], names[3], undefined])
  expect(keys.find(Buffer.alloc(0))).toBeUndefined()
})

test('rotation sets a key set per slot, at its beginning, and follows a jump of the wall clock within a minute', () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1, 0, 59, 59))
  const keys = new TicketKeys({ secret, clock })
  const set: Buffer[] = []
  const rotation = rotateTicketKeys({ setTicketKeys: (given) => void set.push(given) }, keys)
  clock.advance(999)
  expect(set).toHaveLength(1)
  clock.advance(1)
  expect(set).toHaveLength(2)
  clock.advance(hourMs - 1)
  expect(set).toHaveLength(2)
  clock.advance(1)
  expect(set).toHaveLength(3)
  clock.jumpWall(hourMs)
  clock.advance(60_000)
  expect(set).toHaveLength(4)
  expect(set.at(-1)).toEqual(keys.current())
  rotation[Symbol.dispose]()
  expect(clock.pending).toBe(0)
})

test.each([
  [{ secret: Buffer.alloc(31) }, '31 bytes'],
  [{ secret: 'x'.repeat(32) as unknown as Buffer }, 'secret'],
  [{ secret, slotMs: 1500 }, 'whole seconds'],
  [{ secret, slotMs: 0 }, 'slotMs'],
])('%j is refused', (options, message) => {
  expect(() => new TicketKeys(options)).toThrow(
    expect.objectContaining({ code: 'QPS_OPTION', message: expect.stringContaining(message) }),
  )
})
