import { type Counterexample, minimalCounterexample } from './counterexample.ts'
import { drawing } from './drawing.ts'
import { mapKeyModel, type SequentialModel } from './model.ts'
import type { Datum, Operation } from './operation.ts'
import { search, type SearchLimits } from './search.ts'

/** Enough for four threads on hot keys with dozens of dead ones beside them; a second or two where it is used up. */
export const linearizabilityDefaults: Readonly<SearchLimits> = { configurationsMax: 50_000, stepsMax: 20_000_000 }

export type Linearizability =
  | { verdict: 'linearizable'; operations: number; keys: number; steps: number }
  /** `text` is the counterexample, drawn. */
  | { verdict: 'not-linearizable'; counterexample: Counterexample<Datum>; text: string }
  /** Too hard within the limits: neither accused nor acquitted. */
  | { verdict: 'unknown'; key: string | number; reason: string }

/**
 * Whether a recorded history could have been made by one thread after the other, each operation at one instant between its
 * call and its return.
 *
 * The history is split by key, and each key is judged alone: an object whose parts are linearizable is so as a whole. A verdict
 * is never wrong: what is too hard within the limits is `unknown`.
 *
 * @param history in any order. What died or threw is pending, see {@link Operation.returnedAt}.
 * @param model of one key; default a key of a map.
 * @param limits defaults in {@link linearizabilityDefaults}, for each key.
 * @throws Error where the history itself cannot be: an operation that returns before its call, two of one thread open at once,
 *   a method that the model does not have.
 * @example
 * const told = checkLinearizable([
 *   { thread: 0, key: 'a', name: 'set', inputs: [1], output: undefined, calledAt: 1, returnedAt: 2 },
 *   { thread: 1, key: 'a', name: 'get', inputs: [], output: undefined, calledAt: 3, returnedAt: 4 },
 * ])
 * told.verdict // 'not-linearizable'
 *
 * Sources: Herlihy and Wing, Linearizability (1990), whose locality is the split; Horn and Kroening, Faster Linearizability
 * Checking via P-Compositionality (2015).
 */
export function checkLinearizable(
  history: readonly Operation[],
  model: SequentialModel<Datum> = mapKeyModel as SequentialModel<Datum>,
  limits: Partial<SearchLimits> = {},
): Linearizability {
  expectPossible(history)
  const bounds = { ...linearizabilityDefaults, ...limits }
  const parts = Map.groupBy(history, ({ key }) => key)
  let unknown: Linearizability | undefined
  let steps = 0
  for (const [key, operations] of parts) {
    const outcome = search(operations, model, bounds)
    steps += outcome.steps
    if (outcome.verdict === 'unknown') unknown ??= { verdict: 'unknown', key, reason: outcome.reason }
    if (outcome.verdict !== 'not-linearizable') continue
    const counterexample = minimalCounterexample(outcome, model, bounds)
    return { verdict: 'not-linearizable', counterexample, text: drawing(counterexample) }
  }
  return unknown ?? { verdict: 'linearizable', operations: history.length, keys: parts.size, steps }
}

function expectPossible(history: readonly Operation[]): void {
  for (const [thread, operations] of Map.groupBy(history, (operation) => operation.thread)) {
    let lastReturn = -Infinity
    for (const { name, calledAt, returnedAt } of operations.toSorted(byStamps)) {
      if (!(calledAt <= returnedAt))
        throw new Error(`${name} of thread ${thread} returns before its call at ${calledAt}`)
      if (calledAt < lastReturn) throw new Error(`thread ${thread} calls ${name} at ${calledAt} with a call still open`)
      // A thread whose call threw goes on with the next one.
      if (returnedAt !== Infinity) lastReturn = returnedAt
    }
  }
}

function byStamps(left: Operation, right: Operation): number {
  return left.calledAt - right.calledAt || left.returnedAt - right.returnedAt
}
