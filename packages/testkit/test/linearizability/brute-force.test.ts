import { checkLinearizable, type Datum, mapKeyModel, type Operation, operationText } from '@qps/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hasAnOrder } from './brute-force.ts'

const threads = 3
const value = fc.integer({ min: 1, max: 2 })
const call = fc.oneof(
  fc.record({ name: fc.constantFrom('get', 'has', 'delete'), inputs: fc.constant<Datum[]>([]) }),
  fc.record({ name: fc.constantFrom('set', 'increment'), inputs: fc.tuple(value) }),
  fc.record({ name: fc.constant('compareAndSet'), inputs: fc.tuple(fc.option(value, { nil: undefined }), value) }),
)

/** A call of some thread, how long until it and how long it takes, when in that time it takes effect, and what is wrong with it. */
const planned = fc.record({
  call,
  thread: fc.nat(threads - 1),
  key: fc.constantFrom('a', 'b'),
  gap: fc.nat(2),
  length: fc.integer({ min: 1, max: 6 }),
  effect: fc.double({ min: 0, max: 1, noNaN: true }),
  fate: fc.constantFrom('right', 'right', 'right', 'right', 'wrong', 'pending', 'lost'),
})

interface Drawn extends Operation {
  at: number
  fate: string
}

/** A history that has an order, but for what the fates do to it. */
const history = fc.array(planned, { minLength: 1, maxLength: 7 }).map((plans): Operation[] => {
  const free = Array.from({ length: threads }, () => 0)
  const drawn = plans.map(({ call: { name, inputs }, thread, key, gap, length, effect, fate }, index): Drawn => {
    const calledAt = free[thread]! + gap
    const returnedAt = (free[thread] = calledAt + length)
    // Even stamps are calls and returns, what lies between them are effects: no two of those are at once.
    const at = 2 * (calledAt + effect * length) + index / 1000
    const stamps = { calledAt: 2 * calledAt, returnedAt: 2 * returnedAt }
    return { thread, key, name, inputs, output: undefined, ...stamps, at, fate }
  })
  const map = new Map<string | number, number | undefined>()
  const outputs = new Map<Drawn, Datum>()
  for (const operation of drawn.toSorted((left, right) => left.at - right.at)) {
    const { key, name, inputs, fate } = operation
    const method = mapKeyModel.operations[name]!
    outputs.set(operation, method.result(map.get(key), inputs))
    if (fate !== 'lost') map.set(key, method.next(map.get(key), inputs))
  }
  return drawn.map((each) => {
    const { thread, key, name, inputs, calledAt, returnedAt, fate } = each
    const operation = { thread, key, name, inputs, output: undefined, calledAt, returnedAt }
    const output = outputs.get(each)
    if (fate === 'pending' || fate === 'lost') return { ...operation, returnedAt: Infinity }
    return { ...operation, output: fate === 'wrong' ? other(output) : output }
  })
})

function other(output: Datum): Datum {
  return typeof output === 'boolean' ? !output : output === undefined ? undefined : output + 1
}

test('the search says what trying all orders says', () => {
  const counted = { linearizable: 0, 'not-linearizable': 0, unknown: 0 }
  fc.assert(
    fc.property(history, (operations) => {
      const { verdict } = checkLinearizable(operations)
      counted[verdict]++
      const right = hasAnOrder(operations) ? 'linearizable' : 'not-linearizable'
      expect(verdict, operations.map(operationText).join('; ')).toBe(right)
    }),
    { numRuns: 4000 },
  )
  // Both answers were right many times.
  expect(counted.unknown).toBe(0)
  expect(Math.min(counted.linearizable, counted['not-linearizable'])).toBeGreaterThan(400)
})

test('a counterexample is a history that has no order from any of its states', () => {
  fc.assert(
    fc.property(history, (operations) => {
      const told = checkLinearizable(operations)
      if (told.verdict !== 'not-linearizable') return
      const { counterexample } = told
      const { states, key } = counterexample
      for (const state of states) {
        const past = { thread: 99, key, calledAt: -2, returnedAt: -1 }
        const begin = { ...past, name: 'set', inputs: [state], output: undefined }
        expect(hasAnOrder([...(state === undefined ? [] : [begin]), ...counterexample.operations])).toBe(false)
      }
      expect(told.text).toContain(operationText(counterexample.operation))
    }),
    { numRuns: 1000 },
  )
})
