import { InvariantError } from '@qps/core'
import type { SharedMap } from '@qps/shared-map'
import { describe, expect, test } from 'vitest'
import { codeOf, mapForms, mapOf, type MapSubject, valueBytesMax } from './subject.ts'

/** What each method does, one thread alone. */
export function testBehavior(subject: MapSubject): void {
  describe.each(mapForms)('of $name', (form) => {
    const { key, value } = form
    const [a, b, c] = [key(1), key(2), key(3)]

    test('an empty map has nothing', () => {
      using map = mapOf(subject, form)
      expect([map.get(a), map.has(a), map.delete(a), map.size, [...map.entries()]]).toEqual([
        undefined,
        false,
        false,
        0,
        [],
      ])
    })

    test('what is set is there until it is deleted', () => {
      using map = mapOf(subject, form)
      map.set(a, value(1))
      map.set(b, value(2))
      expect([map.get(a), map.get(b), map.get(c)]).toEqual([value(1), value(2), undefined])
      expect([map.has(a), map.has(c), map.size]).toEqual([true, false, 2])
      map.set(a, value(3))
      expect([map.get(a), map.size]).toEqual([value(3), 2])
      expect([map.delete(a), map.delete(a), map.get(a), map.has(a), map.size]).toEqual([
        true,
        false,
        undefined,
        false,
        1,
      ])
      map.set(a, value(4))
      expect([map.get(a), map.size]).toEqual([value(4), 2])
    })

    test('compareAndSet sets where the value is as expected', () => {
      using map = mapOf(subject, form)
      expect(map.compareAndSet(a, value(1), value(2))).toBe(false)
      expect(map.has(a)).toBe(false)
      expect(map.compareAndSet(a, undefined, value(1))).toBe(true)
      expect(map.compareAndSet(a, undefined, value(2))).toBe(false)
      expect(map.compareAndSet(a, value(2), value(3))).toBe(false)
      expect(map.get(a)).toEqual(value(1))
      expect(map.compareAndSet(a, value(1), value(2))).toBe(true)
      expect(map.get(a)).toEqual(value(2))
      expect(map.compareAndSet(a, value(1), undefined)).toBe(false)
      expect(map.compareAndSet(a, value(2), undefined)).toBe(true)
      expect([map.has(a), map.size]).toEqual([false, 0])
      expect(map.compareAndSet(a, undefined, undefined)).toBe(true)
      expect(map.size).toBe(0)
    })

    test('update makes, changes and removes, and says what is there then', () => {
      using map = mapOf(subject, form)
      const seen: unknown[] = []
      const to = (next: ReturnType<SharedMap['get']>) => (before: ReturnType<SharedMap['get']>) => {
        seen.push(before)
        return next
      }
      expect(map.update(a, to(undefined))).toBeUndefined()
      expect(map.has(a)).toBe(false)
      expect(map.update(a, to(value(1)))).toEqual(value(1))
      expect(map.update(a, to(value(2)))).toEqual(value(2))
      expect(map.update(a, to(undefined))).toBeUndefined()
      expect([map.has(a), map.size]).toEqual([false, 0])
      expect(seen).toEqual([undefined, undefined, value(1), value(2)])
    })

    test('an update that throws leaves everything as it was, and the map usable', () => {
      using map = mapOf(subject, form)
      map.set(a, value(1))
      const fail = (): never => {
        throw new Error('changed my mind')
      }
      expect(() => map.update(a, fail)).toThrow('changed my mind')
      expect(() => map.update(b, fail)).toThrow('changed my mind')
      expect([...map.entries()]).toEqual([[a, value(1)]])
      map.set(b, value(2))
      map.set(a, value(3))
      expect([map.get(a), map.get(b), map.size]).toEqual([value(3), value(2), 2])
    })

    test('an update may not use its map', () => {
      using map = mapOf(subject, form)
      map.set(a, value(1))
      for (const use of [() => map.set(a, value(2)), () => map.set(b, value(2)), () => map.delete(a)]) {
        expect(() => map.update(a, () => (use(), value(3)))).toThrow(InvariantError)
      }
      expect([...map.entries()]).toEqual([[a, value(1)]])
    })

    test('entries are all of them, once', () => {
      using map = mapOf(subject, form)
      for (let index = 0; index < 50; index++) map.set(key(index), value(index))
      for (let index = 0; index < 50; index += 3) map.delete(key(index))
      const expected = Array.from({ length: 50 }, (_, index) => index).filter((index) => index % 3 !== 0)
      const entries = new Map(map.entries())
      expect(entries.size).toBe(expected.length)
      for (const index of expected) expect(entries.get(key(index))).toEqual(value(index))
      expect(map.size).toBe(expected.length)
    })

    test('its figures say how much is in it', () => {
      using map = mapOf(subject, form)
      for (let index = 0; index < 10; index++) map.set(key(index), value(index))
      const { entries, capacity, bytes, shards } = map.stats()
      expect({ entries, capacity }).toEqual({ entries: 10, capacity: 64 })
      expect(bytes).toBeGreaterThanOrEqual(0)
      expect(shards.reduce((sum, shard) => sum + shard.entries, 0)).toBe(10)
    })

    test('what is no value is refused, and changes nothing', () => {
      using map = mapOf(subject, form)
      map.set(a, value(1))
      const wrong = [undefined, null, 'text', true, {}, 5n, form.values === 'number' ? new Uint8Array(1) : 5]
      for (const none of [...wrong, ...(form.values === 'bytes' ? [new Uint8Array(valueBytesMax + 1), [1]] : [])]) {
        expect(codeOf(() => map.set(a, none as never))).toBe('QPS_MAP_VALUE')
        if (none === undefined) continue
        expect(codeOf(() => map.compareAndSet(a, value(1), none as never))).toBe('QPS_MAP_VALUE')
        expect(codeOf(() => map.update(a, () => none as never))).toBe('QPS_MAP_VALUE')
      }
      expect([...map.entries()]).toEqual([[a, value(1)]])
    })

    test('after its end it is closed', () => {
      const map = mapOf(subject, form)
      map[Symbol.dispose]()
      map[Symbol.dispose]()
      const uses = [
        () => map.get(a),
        () => map.has(a),
        () => map.set(a, value(1)),
        () => map.delete(a),
        () => map.update(a, () => value(1)),
      ]
      for (const use of uses) expect(codeOf(use)).toBe('QPS_MAP_CLOSED')
    })
  })

  test('numbers are kept to the bit, and compared like Object.is', () => {
    using map = mapOf(subject, { keys: 'string', values: 'number' })
    for (const number of [0, -0, NaN, Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE, 2 ** 53 + 2, 0.1]) {
      map.set('a', number)
      expect(map.get('a')).toBe(number)
      expect(map.compareAndSet('a', number, 1)).toBe(true)
    }
    map.set('a', 0)
    expect(map.compareAndSet('a', -0, 1)).toBe(false)
  })

  test('bytes are copied on the way in and on the way out', () => {
    using map = mapOf(subject, { keys: 'string', values: 'bytes' })
    const given = new Uint8Array([1, 2, 3])
    map.set('a', given)
    given.fill(9)
    expect(map.get('a')).toEqual(new Uint8Array([1, 2, 3]))
    const got = map.get('a') as Uint8Array
    got.fill(8)
    expect(map.get('a')).toEqual(new Uint8Array([1, 2, 3]))
    const [[, entry]] = [...map.entries()] as [[string, Uint8Array]]
    entry.fill(7)
    expect(map.get('a')).toEqual(new Uint8Array([1, 2, 3]))
    map.update('a', (value) => {
      ;(value as Uint8Array).fill(6)
      return undefined
    })
    map.set('a', given.subarray(1, 2))
    expect(map.get('a')).toEqual(new Uint8Array([9]))
    map.set('a', Buffer.from('as Buffer'))
    expect(map.get('a')).toEqual(new Uint8Array(Buffer.from('as Buffer')))
  })

  test.each([0, 1, 3, 4, 7, 8, 23, valueBytesMax])('a value of %i bytes is kept as it is', (length) => {
    using map = mapOf(subject, { keys: 'integer', values: 'bytes' })
    const bytes = Uint8Array.from({ length }, (_, at) => 255 - at)
    map.set(1, new Uint8Array(valueBytesMax).fill(1))
    map.set(1, bytes)
    expect(map.get(1)).toEqual(bytes)
    expect(map.compareAndSet(1, bytes.slice(), new Uint8Array(valueBytesMax))).toBe(true)
    expect(map.get(1)).toEqual(new Uint8Array(valueBytesMax))
  })
}
