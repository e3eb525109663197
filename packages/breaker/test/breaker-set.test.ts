import { BreakerSet, breakerSetDefaults } from '@qps/breaker'
import { ManualClock } from '@qps/core'
import { expect, test } from 'vitest'
import { thrownBy } from '@qps/testkit'
import { call } from './harness.ts'

const breaker = { design: 'fixed', requestsMin: 1, clock: new ManualClock() } as const

test('every key has a breaker of its own', () => {
  const set = new BreakerSet({ breaker })
  call(set.get('stock'), false)
  expect([set.get('stock').state, set.get('price').state]).toEqual(['open', 'closed'])
  expect(set.get('stock')).toBe(set.get('stock'))
  expect([...set].map(({ name }) => name)).toEqual(['price', 'stock'])
})

test('the one that was not used for longest goes', () => {
  const set = new BreakerSet({ breaker, entriesMax: 3 })
  for (const key of ['a', 'b', 'c', 'a', 'd', 'e']) set.get(key)
  expect([...set].map(({ name }) => name)).toEqual(['a', 'd', 'e'])
  expect([set.size, set.evicted]).toEqual([3, 2])
  expect([set.peek('b'), set.peek('a')?.name]).toEqual([undefined, 'a'])
})

test('one that went can be used by whoever holds it, and its key begins anew', () => {
  const set = new BreakerSet({ breaker, entriesMax: 1 })
  const held = set.get('a')
  set.get('b')
  call(held, false)
  expect([held.state, set.get('a').state]).toEqual(['open', 'closed'])
})

test('20,000 keys take no more than the bound', () => {
  const set = new BreakerSet({ breaker })
  for (let at = 0; at < 20_000; at++) set.get(`host-${at}`)
  expect(set.size).toBe(breakerSetDefaults.entriesMax)
})

test.each(['__proto__', 'constructor', 'toString', '', '\r\nX: y'])('%j is a key like any other', (key) => {
  const set = new BreakerSet({ breaker })
  expect(set.get(key).state).toBe('closed')
  call(set.get(key), false)
  expect(set.get(key).state).toBe('open')
  expect(set.get('other').state).toBe('closed')
  expect(Object.getPrototypeOf({})).toBe(Object.prototype)
})

test('a name from outside is quoted and cut in messages', async () => {
  const set = new BreakerSet({ breaker })
  const evil = set.get(`a\r\nSet-Cookie: b${'x'.repeat(200)}`)
  call(evil, false)
  const error = await evil.run(() => 1).catch((reason: Error) => reason)
  expect((error as Error).message).not.toMatch(/[\r\n]/)
  expect((error as Error).message.length).toBeLessThan(200)
})

test('keys and options out of range are refused', () => {
  const set = new BreakerSet({ breaker, keyLengthMax: 4 })
  expect(thrownBy(() => set.get('abcde')).code).toBe('QPS_BREAKER_KEY')
  expect(thrownBy(() => set.get(5 as never)).code).toBe('QPS_BREAKER_KEY')
  expect(set.size).toBe(0)
  expect(thrownBy(() => new BreakerSet({ breaker, entriesMax: 0 })).code).toBe('QPS_OPTION')
  expect(thrownBy(() => new BreakerSet({ breaker: { ...breaker, openMs: 0 } })).code).toBe('QPS_OPTION')
})
