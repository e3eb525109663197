import { methodOf, onlyLooks, type SequentialModel, type SequentialOperation } from './model.ts'
import { isPending, type Operation } from './operation.ts'

/** What a search may cost. */
export interface SearchLimits {
  /** Configurations that are kept at a time. */
  configurationsMax: number
  /** Tries of an operation in a state, for one key. */
  stepsMax: number
}

/** A later beginning of a history: what happens from an instant on, and the states that are possible there. */
export interface Beginning<State> {
  states: readonly State[]
  operations: readonly Operation[]
}

export type SearchOutcome<State> =
  | { verdict: 'linearizable'; steps: number }
  /**
   * At the return of `operation` nothing is possible any more. `before` are the operations that were called until then; `late`
   * is a later beginning of them, at which nothing that was open had changed anything. Who was open there and only looked may
   * be missing in it, so it need not be without an order.
   */
  | {
      verdict: 'not-linearizable'
      steps: number
      operation: Operation
      before: readonly Operation[]
      late: Beginning<State>
    }
  | { verdict: 'unknown'; steps: number; reason: string }

/** Open operations have a bit each in a set of them, which is a 32-bit integer. */
const openMax = 31

/** An operation, and what is known of it while it is open. */
interface Open<State> {
  operation: Operation
  method: SequentialOperation<State>
  pending: boolean
  /** It changes nothing, whatever the state. */
  looks: boolean
  bit: number
}

/**
 * What may be the case at an instant: a state, and the open operations that have taken effect in it, as a set of bits. For
 * each state the sets that go with it.
 */
type Configurations<State> = Map<State, Set<number>>

/**
 * Whether the operations on one key can be put in an order that the model allows, in which each takes effect between its call
 * and its return.
 *
 * It goes through calls and returns in the order of their stamps, and keeps every configuration that is possible. An operation
 * takes effect as late as it can: only at the return of one, which must have taken effect by then, open ones are tried, in every
 * order, until it has. One that only looks does so in the first state that shows it what it saw. Equal configurations are one.
 * The cost is linear in the length of a history, and exponential only in the number of writes that are open at once: those of
 * dead threads stay open for ever.
 *
 * Sources: Wing and Gong, Testing and Verifying Concurrent Objects (1993), the search; Lowe, Testing for Linearizability
 * (2017), effects just in time and configurations that are remembered.
 */
export function search<State>(
  operations: readonly Operation[],
  model: SequentialModel<State>,
  { configurationsMax, stepsMax }: SearchLimits,
  initialStates: readonly State[] = [model.initial],
): SearchOutcome<State> {
  const open = new Map<Operation, Open<State>>()
  const events = eventsOf(operations)
  let freeBits = 2 ** openMax - 1
  let possible: Configurations<State> = new Map(initialStates.map((state) => [state, new Set([0])]))
  let steps = 0
  let checkpoint = { at: 0, states: initialStates, open: [] as Operation[] }

  for (const [at, { operation, returns }] of events.entries()) {
    if (!returns) {
      if (freeBits === 0)
        return { verdict: 'unknown', steps, reason: `more than ${openMax} operations are open at once` }
      const bit = freeBits & -freeBits
      freeBits ^= bit
      const method = methodOf(model, operation)
      const pending = isPending(operation)
      open.set(operation, { operation, method, pending, looks: !pending && onlyLooks(method, operation), bit })
      continue
    }
    const returning = open.get(operation)!
    const after = advance(possible, [...open.values()], returning, { configurationsMax, stepsMax: stepsMax - steps })
    steps += after.steps
    if (after.reason !== undefined) return { verdict: 'unknown', steps, reason: after.reason }
    if (after.possible.size === 0) {
      const [before, late] = [calledIn(events, 0, at), [...checkpoint.open, ...calledIn(events, checkpoint.at, at)]]
      return {
        verdict: 'not-linearizable',
        steps,
        operation,
        before,
        late: { states: checkpoint.states, operations: late },
      }
    }
    possible = after.possible
    open.delete(operation)
    freeBits |= returning.bit
    const done = unionOf(possible)
    const untouched = [...open.values()].filter(({ bit }) => (done & bit) === 0)
    if ([...open.values()].every(({ looks, bit }) => looks || (done & bit) === 0)) {
      checkpoint = { at: at + 1, states: [...possible.keys()], open: untouched.map((entry) => entry.operation) }
    }
  }
  return { verdict: 'linearizable', steps }
}

interface Event {
  stamp: number
  operation: Operation
  returns: boolean
}

/** Calls and returns in order. Of equal stamps calls come first: such operations count as concurrent, which accuses nobody. */
function eventsOf(operations: readonly Operation[]): Event[] {
  const events = operations.flatMap((operation): Event[] => {
    const call = { stamp: operation.calledAt, operation, returns: false }
    return isPending(operation) ? [call] : [call, { stamp: operation.returnedAt, operation, returns: true }]
  })
  return events.toSorted((left, right) => left.stamp - right.stamp || Number(left.returns) - Number(right.returns))
}

function calledIn(events: readonly Event[], from: number, to: number): Operation[] {
  return events.slice(from, to).flatMap(({ operation, returns }) => (returns ? [] : [operation]))
}

/** All configurations that are possible once `returning` has taken effect, without its bit. */
function advance<State>(
  before: Configurations<State>,
  open: readonly Open<State>[],
  returning: Open<State>,
  { configurationsMax, stepsMax }: SearchLimits,
): { possible: Configurations<State>; steps: number; reason?: string } {
  const possible: Configurations<State> = new Map()
  const seen: Configurations<State> = new Map()
  const lookers = open.filter(({ looks }) => looks)
  const writers = open.filter(({ looks }) => !looks)
  const left: { state: State; set: number }[] = []
  let steps = 0
  let kept = 0

  const reach = (state: State, reached: number): void => {
    let set = reached
    // Whoever only looks loses nothing by doing so as soon as it sees what it saw.
    for (const { operation, method, bit } of lookers) {
      if ((set & bit) === 0 && method.result(state, operation.inputs) === operation.output) set |= bit
    }
    steps += lookers.length
    if ((set & returning.bit) !== 0) kept += add(possible, state, set ^ returning.bit)
    else if (add(seen, state, set) === 1) {
      kept++
      left.push({ state, set })
    }
  }
  for (const [state, sets] of before) for (const set of sets) reach(state, set)
  for (let from = left.pop(); from !== undefined; from = left.pop()) {
    const { state, set } = from
    for (const { operation, method, pending, bit } of writers) {
      if ((set & bit) !== 0) continue
      if (!pending && method.result(state, operation.inputs) !== operation.output) continue
      const next = method.next(state, operation.inputs)
      // What is pending and would change nothing may as well never take effect.
      if (!pending || next !== state) reach(next, set | bit)
    }
    steps += writers.length
    if (steps > stepsMax) return { possible, steps, reason: 'the search has taken all of its steps' }
    if (kept > configurationsMax) {
      return { possible, steps, reason: `more than ${configurationsMax} configurations are possible at once` }
    }
  }
  return { possible, steps }
}

/** @returns 1 where it was not there. */
function add<State>(configurations: Configurations<State>, state: State, set: number): 0 | 1 {
  const sets = configurations.get(state)
  if (sets === undefined) {
    configurations.set(state, new Set([set]))
    return 1
  }
  if (sets.has(set)) return 0
  sets.add(set)
  return 1
}

/** The operations that have taken effect in any configuration. */
function unionOf<State>(configurations: Configurations<State>): number {
  let union = 0
  for (const sets of configurations.values()) for (const set of sets) union |= set
  return union
}
