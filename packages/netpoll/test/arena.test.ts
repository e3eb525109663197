import { probe } from '@qps/netpoll'
import { describe, expect, test } from 'vitest'
import { Arena } from '../src/sys/arena.ts'

/** An arena at such an address, without memory: only its arithmetic is looked at. */
function arenaAt(address: bigint): Arena {
  const addressLow = Number(address & 0xffff_ffffn)
  return Object.assign(Object.create(Arena.prototype) as Arena, { addressLow, addressHigh: Number(address >> 32n) })
}

/** The two words as the kernel reads them. */
const joined = (low: number, high: number): bigint =>
  (BigInt.asUintN(32, BigInt(high)) << 32n) | BigInt.asUintN(32, BigInt(low))

test.each([
  [0x7f00_0000_1000n, 0],
  [0x7f00_8000_0000n, 0x1234],
  [0x7f00_ffff_f000n, 0xfff],
  [0x7f00_ffff_f000n, 0x1000],
  [0x7f00_ffff_f000n, 0x4000_0000],
  [0x7eff_0000_0000n, 0xffff_ffff],
])('the words of %i plus %i are those of the sum', (address, offset) => {
  const arena = arenaAt(address)
  const [low, high] = [arena.lowAt(offset), arena.highAt(offset)]
  expect(joined(low, high)).toBe(address + BigInt(offset))
  expect(low).toBe(low | 0)
})

describe.skipIf(probe().epoll !== undefined)('an arena that is mapped', () => {
  test('says where it is, in whole and in halves', () => {
    const arena = new Arena(64 * 1024)
    try {
      expect(joined(arena.lowAt(0), arena.highAt(0))).toBe(arena.address)
      expect(joined(arena.lowAt(5_000), arena.highAt(5_000))).toBe(arena.address + 5_000n)
    } finally {
      arena.release()
    }
  })
})
