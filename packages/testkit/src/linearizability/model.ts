import type { Datum, Operation } from './operation.ts'

/** What one method does to an object that nobody else uses, as a table of pure functions. */
export interface SequentialOperation<State> {
  /** What it gives in this state. */
  result(state: State, inputs: readonly Datum[]): Datum
  /** The state behind it. */
  next(state: State, inputs: readonly Datum[]): State
  /**
   * Whether an operation with this output leaves every state as it was; absent: never. Such are cheap to check, and left out of counterexamples.
   */
  preserves?(output: Datum): boolean
}

/**
 * A sequential object: what a concurrent one must look like from outside, whatever it does inside. States are primitive
 * values, so that equal ones are found in a `Map`.
 */
export interface SequentialModel<State> {
  readonly initial: State
  readonly operations: Readonly<Record<string, SequentialOperation<State>>>
}

const always = (): boolean => true
const ifRefused = (output: Datum): boolean => output === false

/**
 * One key of a map, whose state is its value, `undefined` where it is absent. `increment` is `update` with a function that
 * adds its input to the value, or to 0. A map is the sum of its keys, so a history may be checked key by key; `size` and
 * iteration are of all keys at once and have no place here.
 */
export const mapKeyModel: SequentialModel<number | undefined> = {
  initial: undefined,
  operations: {
    get: { result: (value) => value, next: (value) => value, preserves: always },
    has: { result: (value) => value !== undefined, next: (value) => value, preserves: always },
    set: { result: () => undefined, next: (_, [value]) => value as number },
    delete: { result: (value) => value !== undefined, next: () => undefined, preserves: ifRefused },
    compareAndSet: {
      result: (value, [expected]) => value === expected,
      next: (value, [expected, next]) => (value === expected ? (next as number) : value),
      preserves: ifRefused,
    },
    increment: {
      result: (value = 0, [by]) => value + (by as number),
      next: (value = 0, [by]) => value + (by as number),
    },
  },
}

/** What the model says of an operation's method. */
export function methodOf<State>(model: SequentialModel<State>, { name }: Operation): SequentialOperation<State> {
  const method = Object.hasOwn(model.operations, name) ? model.operations[name] : undefined
  if (method === undefined)
    throw new Error(`the model has no operation ${name}: ${Object.keys(model.operations).join()}`)
  return method
}

/** Whether an operation that has returned leaves every state as it was. */
export function onlyLooks<State>(method: SequentialOperation<State>, { output }: Operation): boolean {
  return method.preserves?.(output) === true
}
