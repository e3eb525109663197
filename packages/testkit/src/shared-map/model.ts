import { ManualClock } from '@qps/core'
import type { MapKey, MapValue, SharedMap } from '@qps/shared-map'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type MapForm, mapForms, mapOf, type MapSubject } from './subject.ts'

const ttlMs = 100
/** More than there are keys. */
const capacity = 12

/** A plain Map beside the map under test, with the instant at which each entry ends. */
class Model {
  readonly #entries = new Map<MapKey, { value: MapValue; endsMs: number }>()
  nowMs = 0

  get(key: MapKey): MapValue | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && entry.endsMs > this.nowMs ? entry.value : undefined
  }

  put(key: MapKey, value: MapValue | undefined): void {
    if (value === undefined) this.#entries.delete(key)
    else this.#entries.set(key, { value, endsMs: this.nowMs + ttlMs })
  }

  get live(): [MapKey, MapValue][] {
    return [...this.#entries.keys()].flatMap((key) => {
      const value = this.get(key)
      return value === undefined ? [] : [[key, value]]
    })
  }

  /** Forgets what has expired. */
  sweep(): void {
    for (const key of this.#entries.keys()) if (this.get(key) === undefined) this.#entries.delete(key)
  }
}

interface Pair {
  model: Model
  real: SharedMap
  clock: ManualClock
}

type Step = fc.Command<object, Pair>

function step(name: string, act: (pair: Pair) => void): Step {
  return {
    check: () => true,
    toString: () => name,
    run(_, pair) {
      act(pair)
      expect(pair.real.size).toBeGreaterThanOrEqual(pair.model.live.length)
    },
  }
}

function stepsOf({ key, value }: MapForm): fc.Arbitrary<Step>[] {
  const keys = fc.nat(8).map(key)
  const values = fc.nat(3).map(value)
  const perhaps = fc.option(values, { nil: undefined })
  return [
    fc
      .tuple(keys, values)
      .map(([at, next]) => step(`set ${at}`, ({ model, real }) => (real.set(at, next), model.put(at, next)))),
    keys.map((at) =>
      step(`get ${at}`, ({ model, real }) => {
        expect(real.get(at)).toEqual(model.get(at))
        expect(real.has(at)).toBe(model.get(at) !== undefined)
      }),
    ),
    keys.map((at) =>
      step(`delete ${at}`, ({ model, real }) => {
        expect(real.delete(at)).toBe(model.get(at) !== undefined)
        model.put(at, undefined)
      }),
    ),
    fc.tuple(keys, perhaps, perhaps).map(([at, expected, next]) =>
      step(`compareAndSet ${at}`, ({ model, real }) => {
        const matches = isSame(model.get(at), expected)
        expect(real.compareAndSet(at, expected, next)).toBe(matches)
        if (matches) model.put(at, next)
      }),
    ),
    fc.tuple(keys, perhaps).map(([at, next]) =>
      step(`update ${at}`, ({ model, real }) => {
        const change = (before: MapValue | undefined): MapValue | undefined => {
          expect(before).toEqual(model.get(at))
          return next
        }
        expect(real.update(at, change)).toEqual(next)
        model.put(at, next)
      }),
    ),
    fc.integer({ min: 1, max: ttlMs }).map((ms) =>
      step(`advance ${ms}`, ({ model, clock }) => {
        model.nowMs += ms
        clock.advance(ms)
      }),
    ),
    fc.constant(
      step('look at all', ({ model, real }) => {
        expect(new Map(real.entries())).toEqual(new Map(model.live))
      }),
    ),
    fc.constant(
      step('sweep', ({ model, real }) => {
        real.sweep()
        model.sweep()
        expect(real.size).toBe(model.live.length)
      }),
    ),
  ]
}

function isSame(left: MapValue | undefined, right: MapValue | undefined): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0
  return Object.is(left, right)
}

/** Random programs of one thread, beside a plain Map. */
export function testModel(subject: MapSubject): void {
  describe('beside a plain Map', () => {
    test.each(mapForms)('no program tells them apart: $name', (form) => {
      fc.assert(
        fc.property(fc.commands(stepsOf(form), { size: '+1', maxCommands: 80 }), (commands) => {
          const clock = new ManualClock()
          using real = mapOf(subject, form, { capacity, expiry: { ttlMs }, clock })
          fc.modelRun(() => ({ model: {}, real: { model: new Model(), real, clock } }), commands)
        }),
        { numRuns: 25 },
      )
    })
  })
}
