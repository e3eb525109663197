import { methodOf, onlyLooks, type SequentialModel } from './model.ts'
import { isPending, type Operation } from './operation.ts'
import { search, type SearchLimits, type SearchOutcome } from './search.ts'

type Found<State> = Extract<SearchOutcome<State>, { verdict: 'not-linearizable' }>

/** A part of a history that no order explains, whatever comes behind it. */
export interface Counterexample<State> {
  key: string | number
  /** The last ones that may have changed something before it began; no part of the fault, but of its story. */
  story: readonly Operation[]
  /** The states that were possible when it began. */
  states: readonly State[]
  operations: readonly Operation[]
  /** The one at whose return nothing is possible any more. */
  operation: Operation
}

/** Earlier changes that are told. */
const storyMax = 3

/**
 * Makes a counterexample short: the beginning moves to the last instant at which nothing that was open had changed anything, and
 * what only looks is left out where the rest still has no order. What changes something is never left out: without a write
 * the read of what it wrote would be a fault that nobody made.
 */
export function minimalCounterexample<State>(
  found: Found<State>,
  model: SequentialModel<State>,
  limits: SearchLimits,
): Counterexample<State> {
  const isLooking = (each: Operation): boolean => !isPending(each) && onlyLooks(methodOf(model, each), each)
  const from = (operations: readonly Operation[], states: readonly State[]): Short<State> | undefined => {
    const outcome = search(operations, model, limits, states)
    return outcome.verdict === 'not-linearizable' ? { ...outcome, states } : undefined
  }
  let short: Short<State> = { ...found, states: [model.initial] }
  for (let size = Infinity; short.before.length < size;) {
    size = short.before.length
    short = from(short.late.operations, short.late.states) ?? short
    short = withFewer(short, isLooking, from)
  }
  const { before, states, operation } = short
  const story = found.before.filter((each) => !before.includes(each) && !isLooking(each)).slice(-storyMax)
  return { key: operation.key, story, states, operations: before, operation }
}

/** A history without an order, and the states that it begins in. */
type Short<State> = Found<State> & { states: readonly State[] }

/** Leaves out halves, quarters and so on of what may be left out, as long as there is no order. */
function withFewer<State>(
  whole: Short<State>,
  mayGo: (operation: Operation) => boolean,
  from: (operations: readonly Operation[], states: readonly State[]) => Short<State> | undefined,
): Short<State> {
  let short = whole
  for (let length = short.before.length; length > 0; length = Math.floor(length / 2)) {
    for (let start = 0; start < short.before.length; start += length) {
      const fewer = short.before.filter((each, at) => at < start || at >= start + length || !mayGo(each))
      if (fewer.length < short.before.length) short = from(fewer, short.states) ?? short
    }
  }
  return short
}
