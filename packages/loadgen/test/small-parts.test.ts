import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IdleRing, type Slotted } from '../src/idle-ring.ts'
import { InstantRing } from '../src/instant-ring.ts'
import { Occupancy } from '../src/occupancy.ts'

test('an instant ring is a bounded queue', () => {
  const operations = fc.array(fc.oneof(fc.record({ push: fc.nat() }), fc.constant('shift' as const)))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), operations, (capacity, operations) => {
      const ring = new InstantRing(capacity)
      const size = [1, 2, 4, 8, 16].find((power) => power >= capacity)!
      const model: number[] = []
      for (const operation of operations) {
        if (operation === 'shift') {
          const both = model.length > 0 ? [ring.shift(), model.shift()] : []
          expect(both[0]).toBe(both[1])
        } else {
          const fits = model.length < size
          expect(ring.push(operation.push)).toBe(fits)
          if (fits) model.push(operation.push)
        }
        expect(ring.length).toBe(model.length)
      }
    }),
  )
})

test('an idle ring hands out the longest idle first, each entry once, and passes over those without a slot', () => {
  const entry = (name: string): Slotted & { name: string } => ({ name, free: 1, listed: false })
  const [a, b, c] = [entry('a'), entry('b'), entry('c')]
  const ring = new IdleRing<Slotted>(3)
  for (const entry of [a, b, a, c, b]) ring.push(entry)
  expect(ring.length).toBe(3)
  Object.assign(b, { free: 0 })
  expect([ring.take(), ring.take(), ring.take()]).toEqual([a, c, undefined])
  ring.push(b)
  expect(ring.take()).toBeUndefined()
  ring.push(c)
  ring.push(a)
  expect([ring.take(), ring.take()]).toEqual([c, a])
})

test('occupancy is the sum of all stays, as Little has it', () => {
  const stays = fc.array(fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 1000 })), {
    minLength: 1,
  })
  fc.assert(
    fc.property(stays, (stays) => {
      const occupancy = new Occupancy()
      const events = stays
        .flatMap(([arriveMs, stayMs]) => [
          { atMs: arriveMs, arrives: true },
          { atMs: arriveMs + stayMs, arrives: false },
        ])
        .toSorted((left, right) => left.atMs - right.atMs || Number(right.arrives) - Number(left.arrives))
      for (const { atMs, arrives } of events) {
        if (arrives) occupancy.arrived(atMs, atMs)
        else occupancy.left(1, atMs)
      }
      expect(occupancy.present).toBe(0)
      expect(occupancy.integral(5000)).toBe(stays.reduce((sum, [, stayMs]) => sum + stayMs, 0))
    }),
  )
})

test('an arrival that is noticed late counts from its intended start', () => {
  const occupancy = new Occupancy()
  occupancy.arrived(100, 130)
  expect(occupancy.integral(150)).toBe(50)
})
