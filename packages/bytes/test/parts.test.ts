import { Parts, partsDefaults } from '@qps/bytes'
import { InvariantError } from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'

/** Three owners' memory, each with bytes of its own. */
const sources = [0x10, 0x40, 0x80].map((first) => Uint8Array.from({ length: 30 }, (_, index) => first + index))
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      source: fc.nat({ max: 2 }),
      at: fc.nat({ max: 30 }),
      length: fc.nat({ max: 12 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('consume' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
)

function joined(parts: Parts): number[] {
  const target = new Uint8Array(2 + parts.byteLength)
  expect(parts.copyTo(target, 2)).toBe(target.length)
  const views = parts.views()
  expect(views.length).toBe(parts.count)
  for (const [index, view] of views.entries()) {
    expect(view.length).toBeGreaterThan(0)
    expect(view).toEqual(parts.bytesOf(index).subarray(parts.startOf(index), parts.endOf(index)))
    expect(view.buffer).toBe(parts.bytesOf(index).buffer)
  }
  expect(views.flatMap((view) => [...view])).toEqual([...target.subarray(2)])
  return [...target.subarray(2)]
}

test('is the bytes that were added and not yet consumed, in order, within its bounds', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const parts = new Parts({ partsMax: 5, partsBytesMax: 40 })
      let model: number[] = []
      for (const step of steps) {
        if (step.kind === 'clear') {
          parts.clear()
          model = []
        } else if (step.kind === 'consume') {
          const bytes = Math.floor(step.share * model.length)
          parts.consume(bytes)
          model = model.slice(bytes)
        } else {
          const source = sources[step.source]!
          const end = Math.min(source.length, step.at + step.length)
          const before = [parts.count, parts.byteLength]
          if (parts.add(source, step.at, end)) model.push(...source.subarray(step.at, end))
          else {
            expect([parts.count, parts.byteLength]).toEqual(before)
            expect(parts.count === 5 || parts.byteLength + end - step.at > 40).toBe(true)
          }
        }
        expect(joined(parts)).toEqual(model)
        expect([parts.byteLength, parts.count <= 5, parts.byteLength <= 40]).toEqual([model.length, true, true])
      }
    }),
    { numRuns: 200 },
  )
})

test('slices that follow one another in the same bytes are one part, others are not', () => {
  const parts = new Parts()
  const [first, second] = sources
  parts.add(first!, 0, 4)
  parts.add(first!, 4, 9)
  expect(parts.count).toBe(1)
  parts.add(first!, 10, 12)
  parts.add(second!, 12, 13)
  parts.add(second!, 0, 0)
  expect([parts.count, parts.byteLength]).toEqual([3, 12])
})

test('shares the memory of its owners', () => {
  const bytes = Uint8Array.of(1, 2, 3)
  const parts = new Parts()
  parts.add(bytes)
  bytes[1] = 9
  expect(joined(parts)).toEqual([1, 9, 3])
})

test('does not join where there is no room, and writes nothing then', () => {
  const parts = new Parts()
  parts.add(sources[0]!)
  const target = new Uint8Array(29)
  expect([parts.copyTo(target), target.every((byte) => byte === 0)]).toEqual([-1, true])
})

test('mistakes', () => {
  const parts = new Parts()
  parts.add(sources[0]!, 0, 3)
  expect(() => parts.add(sources[0]!, 3, 31)).toThrow(InvariantError)
  for (const bytes of [-1, 4, 0.5]) expect(() => parts.consume(bytes)).toThrow(InvariantError)
  for (const index of [-1, 1, 0.5]) expect(() => parts.bytesOf(index)).toThrow(InvariantError)
  expect(() => parts.startOf(1)).toThrow(InvariantError)
  expect(() => parts.endOf(1)).toThrow(InvariantError)
  expect(() => parts.copyTo(new Uint8Array(2), 3)).toThrow(InvariantError)
  for (const options of [{ partsMax: 0 }, { partsMax: 1025 }, { partsBytesMax: 0 }]) {
    expect(() => new Parts(options)).toThrow(expect.objectContaining({ code: 'QPS_OPTION' }))
  }
  expect(partsDefaults.partsMax).toBeLessThanOrEqual(1024)
})
