import { ManualClock, seededRandom } from '@qps/core'
import { attachSharedMap, type SharedMap } from '@qps/shared-map'
import { describe, expect, test } from 'vitest'
import { codeOf, kinds, makeMap } from './maps.ts'

describe.each(kinds)('%s', (kind) => {
  test('does what a Map does, through index rebuilds, graves and long keys', () => {
    using map = makeMap(kind, 'string', 'number', { capacity: 60, keyBytesMax: 40 })
    using other: SharedMap<string, number> = attachSharedMap(map.share())
    const model = new Map<string, number>()
    const random = seededRandom(1)
    const pick = (count: number): number => Math.floor(random() * count)
    for (let step = 0; step < 20_000; step++) {
      const subject = step % 3 === 0 ? other : map
      const key = keyNumber(pick(90))
      const action = pick(10)
      if (action < 4) expect(subject.get(key)).toBe(model.get(key))
      else if (action < 7 && (model.size < 60 || model.has(key))) {
        subject.set(key, step)
        model.set(key, step)
      } else if (action < 9) expect(subject.delete(key)).toBe(model.delete(key))
      else expect(subject.has(key)).toBe(model.has(key))
    }
    expect(map.size).toBe(model.size)
    expect(new Map(map.entries())).toEqual(model)
  })

  test('has room for exactly its capacity, for ever', () => {
    using map = makeMap(kind, 'integer', 'number', { capacity: 100 })
    for (let key = 0; key < 100; key++) map.set(key, key)
    expect(codeOf(() => map.set(100, 0))).toBe('QPS_MAP_FULL')
    map.set(99, 1)
    for (let key = 100; key < 5000; key++) {
      expect(map.delete(key - 100)).toBe(true)
      map.set(key, key)
      expect(map.get(key - 99)).toBe(key - 99 === 99 ? 1 : key - 99)
    }
    expect(map.size).toBe(100)
    expect(codeOf(() => map.update(-1, () => 1))).toBe('QPS_MAP_FULL')
  })

  test('tells all numbers apart, NaN and -0 too', () => {
    using map = makeMap(kind, 'integer', 'number')
    const keys = [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
    const values = [0, -0, Number.NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, 1.5]
    for (const [index, key] of keys.entries()) map.set(key, values[index]!)
    for (const [index, key] of keys.entries()) expect(map.get(key)).toBe(values[index])
    expect(map.get(-0)).toBe(0)
    expect(map.compareAndSet(1, 0, 5)).toBe(false)
    expect(map.compareAndSet(-1, Number.NaN, 5)).toBe(true)
    expect(new Set([...map.entries()].map(([key]) => key))).toEqual(new Set(keys))
  })

  test('tells all strings apart, and gives them back', () => {
    using map = makeMap(kind, 'string', 'number', { keyBytesMax: 30 })
    const lengths = Array.from({ length: 31 }, (_, length) => 'x'.repeat(length))
    const keys = [
      ...lengths,
      ...lengths.map((key) => key.replace(/x$/, '\0')),
      '\0\0',
      'é',
      'ÿÿÿÿ',
      'Ā',
      '\ud800',
      '\udc00',
      '\ufffd',
      '日本',
      '日本語のキー',
      'aĀ',
      'a\0\0\u0001',
      '😀',
      '__proto__',
    ]
    const different = [...new Set(keys)]
    for (const [index, key] of different.entries()) map.set(key, index)
    for (const [index, key] of different.entries()) expect(map.get(key), JSON.stringify(key)).toBe(index)
    expect(new Map(map.entries())).toEqual(new Map(different.map((key, index) => [key, index])))
    expect(codeOf(() => map.get('x'.repeat(31)))).toBe('QPS_MAP_KEY')
    expect(codeOf(() => map.get('語'.repeat(16)))).toBe('QPS_MAP_KEY')
    expect(codeOf(() => map.set(1 as unknown as string, 1))).toBe('QPS_MAP_KEY')
    expect(codeOf(() => map.set('a', '1' as unknown as number))).toBe('QPS_MAP_VALUE')
  })

  test('keeps bytes, of any length up to its bound', () => {
    using map = makeMap(kind, 'integer', 'bytes', { valueBytesMax: 21, capacity: 50 })
    const valueOf = (step: number): Uint8Array => new Uint8Array(step % 22).fill(step)
    for (let step = 0; step < 500; step++) {
      map.set(step % 50, valueOf(step))
      if (step >= 50 && step % 7 === 0) {
        expect(map.delete((step * 3) % 50)).toBe(true)
        map.set((step * 3) % 50, valueOf(step))
      }
      expect(map.get(step % 50)).toEqual(valueOf(step))
    }
    for (const [, value] of map.entries()) expect(new Set(value).size).toBeLessThanOrEqual(1)
    expect(map.compareAndSet(1, map.get(1), Uint8Array.of(1, 2))).toBe(true)
    expect(map.compareAndSet(1, Uint8Array.of(1, 3), undefined)).toBe(false)
    expect(map.compareAndSet(1, Uint8Array.of(1, 2), undefined)).toBe(true)
    expect(map.get(1)).toBeUndefined()
    expect(map.get(2)!.buffer).not.toBeInstanceOf(SharedArrayBuffer)
    expect(codeOf(() => map.set(1, new Uint8Array(22)))).toBe('QPS_MAP_VALUE')
  })

  test('updates in one step, or not at all', () => {
    using map = makeMap(kind, 'string', 'number')
    expect(map.update('a', (value = 0) => value + 1)).toBe(1)
    expect(map.update('a', (value = 0) => value + 1)).toBe(2)
    expect(
      codeOf(() =>
        map.update('a', () => {
          throw new RangeError('no')
        }),
      ),
    ).toBe('RangeError: no')
    expect(codeOf(() => map.update('a', () => 'x' as unknown as number))).toBe('QPS_MAP_VALUE')
    expect(codeOf(() => map.update('a', () => (map.set('a', 7), 8)))).toMatch('InvariantError')
    expect(map.get('a')).toBe(2)
    expect(map.update('a', () => undefined)).toBeUndefined()
    expect(map.has('a')).toBe(false)
    expect(map.update('b', () => undefined)).toBeUndefined()
    expect(map.size).toBe(0)
  })

  test('forgets what has expired, at the same time in all threads', () => {
    const clock = new ManualClock()
    using map = makeMap(kind, 'string', 'number', { capacity: 3, expiry: { ttlMs: 100 }, clock })
    clock.advance(50)
    const lateClock = new ManualClock(clock.wallMs())
    using other = attachSharedMap(map.share(), { clock: lateClock })
    const advance = (deltaMs: number): void => [clock, lateClock].forEach((one) => one.advance(deltaMs))
    map.set('a', 1)
    advance(60)
    map.set('b', 2)
    advance(39)
    expect([other.get('a'), other.get('b')]).toEqual([1, 2])
    advance(1)
    expect([other.get('a'), other.has('a'), other.get('b')]).toEqual([undefined, false, 2])
    expect([map.get('a'), map.size]).toEqual([undefined, 2])
    expect(other.compareAndSet('a', 1, 5)).toBe(false)
    expect(other.compareAndSet('a', undefined, 5)).toBe(true)
    clock.jumpWall(3_600_000)
    advance(60)
    expect([...map.entries()]).toEqual([['a', 5]])
    expect([map.delete('b'), map.size]).toEqual([false, 2])
    map.set('c', 1)
    expect(map.size).toBe(3)
    map.set('d', 1) // Full but for b, which makes room.
    expect([map.size, map.has('b'), map.sweep()]).toEqual([3, false, 0])
    advance(100)
    expect([other.sweep(), other.size]).toEqual([3, 0])
  })

  test('is closed by one thread for itself', () => {
    using map = makeMap(kind, 'string', 'number', { ownersMax: 2 })
    const handle = map.share()
    expect(codeOf(() => map.share())).toBe('QPS_MAP_OWNERS')
    const other = attachSharedMap(handle)
    expect([map.owner, other.owner]).toEqual([1, 2])
    expect(codeOf(() => attachSharedMap(handle))).toBe('QPS_MAP_HANDLE')
    other.set('a', 1)
    other[Symbol.dispose]()
    other[Symbol.dispose]()
    for (const use of [
      () => other.get('a'),
      () => other.set('a', 1),
      () => other.share(),
      () => [...other.entries()],
    ]) {
      expect(codeOf(use)).toBe('QPS_MAP_CLOSED')
    }
    expect(map.get('a')).toBe(1)
    expect(map.share().owner).toBe(2)
  })
})

/** Keys of 1 to 40 characters, some of them wide. */
function keyNumber(number: number): string {
  if (number % 11 === 0) return '鍵'.repeat(1 + (number % 19)) + String.fromCharCode(0x4e00 + number)
  return `${number}`.padStart(1 + (number % 40), 'k')
}

test('a snapshot is published anew when the lock is asked for too often', () => {
  using map = makeMap('snapshot', 'integer', 'number')
  for (let key = 0; key < 10; key++) map.set(key, key)
  for (let round = 0; round < 100; round++) expect(map.get(round % 10)).toBe(round % 10)
  map.set(10, 10)
  map.delete(3)
  for (let round = 0; round < 100; round++) expect(map.get(round % 12)).toBe(expected(round % 12))
  map.set(3, 4)
  expect([map.get(3), map.get(10), map.get(11)]).toEqual([4, 10, undefined])

  function expected(key: number): number | undefined {
    return key === 3 || key === 11 ? undefined : key
  }
})

test('options are checked', () => {
  const make =
    (options: object): (() => unknown) =>
    () =>
      makeMap('sharded', 'string', 'bytes', options)
  for (const options of [
    { capacity: 0 },
    { capacity: 4_194_305 },
    { shards: 3 },
    { shards: 2048 },
    { keyBytesMax: 0 },
    { valueBytesMax: 2 ** 21 },
    { expiry: { ttlMs: 0 } },
    { ownersMax: 0 },
    { lockTimeoutMs: 0 },
    { capacity: 4_194_304, valueBytesMax: 4096 },
  ]) {
    expect(codeOf(make(options)), JSON.stringify(options)).toBe('QPS_OPTION')
  }
  expect(codeOf(() => makeMap('locked', 'string', 'number', { shards: 2 }))).toBe('QPS_OPTION')
  expect(codeOf(() => makeMap('other' as 'locked', 'string', 'number'))).toBe('QPS_OPTION')
})
