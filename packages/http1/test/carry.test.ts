import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Carry } from '../src/carry.ts'

const waiting = (carry: Carry): number[] => [...carry.bytes.subarray(carry.start, carry.end)]

type Step = { keep: Uint8Array } | { parse: number } | { drop: true }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ keep: fc.uint8Array({ minLength: 1, maxLength: 900 }) }) },
  { weight: 5, arbitrary: fc.record({ parse: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ drop: true }) },
)

test('it is a queue of bytes, in memory of at most twice what ever waited', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const carry = new Carry()
      let model: number[] = []
      let most = 256
      for (const each of steps) {
        if ('keep' in each) {
          // Somewhere in memory that belongs to somebody else, who writes it again.
          const lent = new Uint8Array(each.keep.length + 7)
          lent.set(each.keep, 3)
          carry.keep(lent, 3, 3 + each.keep.length)
          lent.fill(0)
          model.push(...each.keep)
        } else if ('parse' in each) {
          const parsed = Math.round(each.parse * model.length)
          carry.parsedTo(carry.start + parsed)
          model = model.slice(parsed)
        } else {
          carry.drop()
          model = []
        }
        most = Math.max(most, model.length)
        expect(waiting(carry)).toEqual(model)
        expect(carry.length).toBe(model.length)
        expect(carry.bytes.length).toBeLessThanOrEqual(2 * most)
      }
    }),
  )
})

test('what is parsed in full leaves the memory for the next, what is dropped leaves none', () => {
  const carry = new Carry()
  carry.keep(new Uint8Array(600), 0, 600)
  const { bytes } = carry
  carry.parsedTo(600)
  expect([carry.length, carry.start]).toEqual([0, 0])
  carry.keep(new Uint8Array(1000), 0, 1000)
  expect(carry.bytes).toBe(bytes)
  carry.drop()
  expect([carry.length, carry.bytes.length]).toEqual([0, 0])
})

test('what waits is moved, not kept in new memory, where there is room before it', () => {
  const carry = new Carry()
  carry.keep(
    Uint8Array.from({ length: 500 }, (_, at) => at),
    0,
    500,
  )
  const { bytes } = carry
  carry.parsedTo(300)
  carry.keep(new Uint8Array(700), 0, 700)
  expect(carry.bytes).toBe(bytes)
  expect(waiting(carry).slice(0, 3)).toEqual([300, 301, 302].map((at) => at % 256))
  expect(carry.length).toBe(900)
})
