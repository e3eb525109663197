import { ManualClock, QpsError } from '@qps/core'
import { describe, expect, test } from 'vitest'
import { codeOf, mapForms, mapOf, type MapSubject } from './subject.ts'

/** What fits, and for how long. */
export function testBounds(subject: MapSubject): void {
  describe.each(mapForms)('room for $name', (form) => {
    const { key, value } = form

    test.each([1, 7, 300])('%i entries fit, and too many are refused', (capacity) => {
      using map = mapOf(subject, form, { capacity })
      for (let index = 0; index < capacity; index++) map.set(key(index), value(index))
      expect(map.size).toBe(capacity)
      let fitted = capacity
      // A map may have some room more than it promised.
      while (fitted < 4 * capacity + 64 && codeOf(() => map.set(key(fitted), value(1))) === 'nothing was thrown')
        fitted++
      const full = (run: () => unknown): void => {
        expect(run).toThrow(QpsError)
        expect(run).toThrow(expect.objectContaining({ code: 'QPS_MAP_FULL', retryable: true }) as Error)
      }
      full(() => map.set(key(fitted), value(1)))
      full(() => map.compareAndSet(key(fitted), undefined, value(1)))
      full(() => map.update(key(fitted), () => value(1)))
      expect(map.get(key(fitted))).toBeUndefined()
      expect(map.size).toBe(fitted)
      // What is there can be changed nevertheless.
      for (let index = 0; index < fitted; index++) map.set(key(index), value(index + 1))
      expect(map.get(key(fitted - 1))).toEqual(value(fitted))
      for (let index = 0; index < fitted; index++) expect(map.delete(key(index))).toBe(true)
      expect(map.size).toBe(0)
      for (let index = 0; index < capacity; index++) map.set(key(1000 + index), value(index))
      expect(map.size).toBe(capacity)
    })

    test('what is removed leaves its room to others, however often', () => {
      const capacity = 20
      using map = mapOf(subject, form, { capacity })
      const bytes = map.stats().bytes
      for (let index = 0; index < 100 * capacity; index++) {
        if (index >= capacity) expect(map.delete(key(index - capacity))).toBe(true)
        map.set(key(index), value(index % 256))
      }
      expect(map.size).toBe(capacity)
      expect(new Set([...map.entries()].map(([each]) => each)).size).toBe(capacity)
      expect(map.stats().bytes).toBe(bytes)
    })
  })

  describe.each(mapForms)('expiry of $name', (form) => {
    const { key, value } = form
    const ttlMs = 1000
    const [a, b] = [key(1), key(2)]
    const expiring = () => {
      const clock = new ManualClock()
      return { clock, map: mapOf(subject, form, { expiry: { ttlMs }, clock }) }
    }

    test('an entry is there for its time, and not longer', () => {
      const { clock, map } = expiring()
      map.set(a, value(1))
      clock.advance(ttlMs - 1)
      expect([map.get(a), map.has(a), [...map.entries()]]).toEqual([value(1), true, [[a, value(1)]]])
      clock.advance(1)
      expect([map.get(a), map.has(a), [...map.entries()]]).toEqual([undefined, false, []])
      map.set(a, value(2))
      expect([map.get(a), map.size]).toEqual([value(2), 1])
    })

    test('being set again renews it, being read does not', () => {
      const { clock, map } = expiring()
      map.set(a, value(1))
      map.set(b, value(1))
      clock.advance(ttlMs / 2)
      map.set(a, value(2))
      map.get(b)
      clock.advance(ttlMs / 2)
      expect([map.get(a), map.get(b)]).toEqual([value(2), undefined])
    })

    test('what has expired is absent to whoever compares, updates or removes', () => {
      const { clock, map } = expiring()
      const again = (): void => {
        map.set(a, value(1))
        clock.advance(ttlMs)
      }
      again()
      expect(map.delete(a)).toBe(false)
      again()
      expect(map.compareAndSet(a, value(1), value(2))).toBe(false)
      expect(map.compareAndSet(a, undefined, value(2))).toBe(true)
      expect(map.get(a)).toEqual(value(2))
      again()
      expect(map.update(a, (before) => (before === undefined ? value(3) : value(4)))).toEqual(value(3))
      expect(map.get(a)).toEqual(value(3))
    })

    test('a sweep removes what has expired, and only that', () => {
      const { clock, map } = expiring()
      for (let index = 0; index < 10; index++) map.set(key(index), value(index))
      clock.advance(ttlMs / 2)
      for (let index = 10; index < 15; index++) map.set(key(index), value(index))
      expect(map.sweep()).toBe(0)
      clock.advance(ttlMs / 2)
      expect(map.sweep()).toBe(10)
      expect([map.size, map.sweep(), map.get(key(12))]).toEqual([5, 0, value(12)])
    })

    test('a jump of the wall clock changes nothing', () => {
      const { clock, map } = expiring()
      map.set(a, value(1))
      clock.jumpWall(3_600_000)
      expect(map.get(a)).toEqual(value(1))
      clock.jumpWall(-7_200_000)
      clock.advance(ttlMs)
      expect(map.get(a)).toBeUndefined()
    })
  })

  test('without expiry entries stay', () => {
    const clock = new ManualClock()
    using map = mapOf(subject, { keys: 'string', values: 'number' }, { clock })
    map.set('a', 1)
    clock.advance(1e12)
    expect([map.get('a'), map.sweep()]).toEqual([1, 0])
  })
}
