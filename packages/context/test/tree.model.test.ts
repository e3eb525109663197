import { background, type CancellableContext, type Context } from '@qps/context'
import { ManualClock } from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'

/** What a context should do, in the plainest words: it looks at everything above it, and sets up nothing. */
interface Model {
  parent: Model | undefined
  deadlineMs: number
  isCancelled: boolean
  hasSignal: boolean
}

type Step =
  | { do: 'timeout' | 'cancellable'; of: number; timeoutMs: number }
  | { do: 'signal' | 'cancel' | 'dispose'; of: number }
  | { do: 'advance'; byMs: number }

const place = fc.nat(30)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('timeout', 'cancellable'), of: place, timeoutMs: fc.integer({ min: 0, max: 60 }) }),
  fc.record({ do: fc.constantFrom('signal', 'signal', 'cancel', 'dispose'), of: place }),
  fc.record({ do: fc.constant('advance' as const), byMs: fc.integer({ min: 1, max: 20 }) }),
)

function isEnded(model: Model, nowMs: number): boolean {
  if (model.isCancelled || nowMs >= model.deadlineMs) return true
  return model.parent !== undefined && isEnded(model.parent, nowMs)
}

/** Below or at it somebody waits for a signal that has not aborted. */
function isWaitedFor(model: Model, all: readonly Model[], nowMs: number): boolean {
  return all.some((each) => each.hasSignal && !isEnded(each, nowMs) && isAtOrAbove(model, each))
}

function isAtOrAbove(model: Model, below: Model): boolean {
  for (let at: Model | undefined = below; at !== undefined; at = at.parent) if (at === model) return true
  return false
}

test('a tree ends as its model does, and has exactly the timers that signals need', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const clock = new ManualClock()
      const root: Context = background({ clock })
      const contexts: CancellableContext[] = []
      const models: Model[] = []
      for (const each of steps) {
        if (each.do === 'advance') clock.advance(each.byMs)
        else if (each.do === 'timeout' || each.do === 'cancellable') grow(each)
        else if (contexts.length > 0) change(each.do, each.of % contexts.length)
        check()
      }
      for (const context of contexts) context[Symbol.dispose]()
      expect(clock.pending).toBe(0)
      expect(contexts.map(({ watchers }) => watchers)).toEqual(contexts.map(() => 0))

      function grow({ do: what, of, timeoutMs }: Extract<Step, { timeoutMs: number }>): void {
        const index = contexts.length === 0 ? -1 : (of % (contexts.length + 1)) - 1
        const parent = models[index]
        const above: Context = contexts[index] ?? root
        const ownMs = what === 'timeout' ? clock.nowMs() + timeoutMs : Infinity
        contexts.push(what === 'timeout' ? above.withTimeout(timeoutMs) : above.withCancel())
        const deadlineMs = Math.min(ownMs, parent?.deadlineMs ?? Infinity)
        models.push({ parent, deadlineMs, isCancelled: false, hasSignal: false })
      }

      function change(what: 'signal' | 'cancel' | 'dispose', index: number): void {
        const context = contexts[index]!
        if (what === 'signal') models[index]!.hasSignal ||= context.signal !== undefined
        else if (what === 'cancel') context.cancel()
        else context[Symbol.dispose]()
        if (what !== 'signal') models[index]!.isCancelled = true
      }

      function check(): void {
        const nowMs = clock.nowMs()
        for (const [index, model] of models.entries()) {
          const context = contexts[index]!
          const ended = isEnded(model, nowMs)
          expect(context.ended).toBe(ended)
          expect(context.deadlineMs).toBe(model.deadlineMs)
          expect(context.reason === undefined).toBe(!ended)
          if (model.hasSignal) expect(context.signal.aborted).toBe(ended)
        }
        const timers = models.filter(
          (model) =>
            model.deadlineMs < (model.parent?.deadlineMs ?? Infinity) &&
            !isEnded(model, nowMs) &&
            isWaitedFor(model, models, nowMs),
        )
        expect(clock.pending).toBe(timers.length)
      }
    }),
    { numRuns: 300 },
  )
})
