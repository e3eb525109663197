/** What an operation was given and gave: numbers, flags, or nothing. */
export type Datum = number | boolean | undefined

/** One call that a thread made on a shared object, as it looked from outside. */
export interface Operation {
  /** Whoever called. Of one thread at most one call is open at a time. */
  readonly thread: number
  /** The part of the object that it is about; parts are checked apart from each other. */
  readonly key: string | number
  /** The method, by its name in the model. */
  readonly name: string
  readonly inputs: readonly Datum[]
  /** What it gave. Of a pending operation it is not looked at. */
  readonly output: Datum
  /** Stamps of one clock for all threads: right before the call, right after its return. */
  readonly calledAt: number
  /** `Infinity`: it never returned, since its thread died or it threw. It may or may not have taken effect. */
  readonly returnedAt: number
}

/** Whether nobody knows if it has taken effect. */
export function isPending({ returnedAt }: Operation): boolean {
  return returnedAt === Infinity
}

/** A call as a reader sees it: `compareAndSet(3, 4) → true`; of a pending one `set(5) → ?`. */
export function operationText({ name, inputs, output, returnedAt }: Operation): string {
  const given = `${name}(${inputs.map(datumText).join(', ')})`
  if (returnedAt === Infinity) return `${given} → ?`
  return output === undefined && name === 'set' ? given : `${given} → ${datumText(output)}`
}

export function datumText(datum: Datum): string {
  return datum === undefined ? 'nothing' : String(datum)
}
