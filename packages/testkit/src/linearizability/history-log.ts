import type { Datum, Operation } from './operation.ts'

/** Numbers of one operation: a cache line, so that two threads never write to the same one. */
const fields = 8
const fieldBytes = Float64Array.BYTES_PER_ELEMENT
const [calledField, returnedField, methodField, keyField, firstField, secondField, outputField] = [0, 1, 2, 3, 4, 5, 6]

/** Gives each call and each return an instant; of all threads by the same clock, and never 0. */
export type Stamp = () => number

/**
 * Stamps by a counter that all threads count up. No two are equal, and being counted orders what is before and behind on every
 * processor; that also hides what a missing barrier would do.
 */
export function counterStamps(counter: Int32Array<SharedArrayBuffer>): Stamp {
  return () => Atomics.add(counter, 0, 1) + 1
}

/**
 * Stamps by the machine's monotonic clock, which disturbs less. It must be the same on all cores; what is written last by an
 * operation must be written atomically, or another core may see it after the stamp of the return.
 *
 * @param originNs nanoseconds of the clock, before the first stamp.
 */
export function clockStamps(originNs: bigint): Stamp {
  return () => Number(process.hrtime.bigint() - originNs)
}

/**
 * What one thread did, in shared memory that is there from the beginning: recording allocates nothing, and what a thread did
 * before it was killed can be read. The inputs are written before the call and its output behind its return, so an operation
 * without a return is one of which nobody knows whether it has taken effect.
 *
 * Inputs and outputs are numbers; `NaN` stands for nothing.
 */
export class HistoryLog {
  readonly #numbers: Float64Array<SharedArrayBuffer>
  readonly #stamp: Stamp
  #at: number

  /** @param memory of {@link HistoryLog.bytes} bytes, zeros where nothing was recorded; recording goes on behind what is there. */
  constructor(memory: SharedArrayBuffer, stamp: Stamp) {
    this.#numbers = new Float64Array(memory)
    this.#stamp = stamp
    this.#at = lengthOf(this.#numbers) * fields - fields
  }

  static bytes(operationsMax: number): number {
    return operationsMax * fields * fieldBytes
  }

  /** Right before the call. @param method its index, which {@link readHistory} gives a name. */
  call(method: number, key: number, first: number, second: number): void {
    const at = (this.#at += fields)
    const numbers = this.#numbers
    if (at >= numbers.length) throw new RangeError(`the log has room for ${numbers.length / fields} operations`)
    numbers[at + methodField] = method
    numbers[at + keyField] = key
    numbers[at + firstField] = first
    numbers[at + secondField] = second
    numbers[at + calledField] = this.#stamp()
  }

  /** The instant; for who has to read a result before it can be recorded. */
  now(): number {
    return this.#stamp()
  }

  /** The last call has returned. Of one that threw nothing is said: nobody knows what it did. @param returnedAt right behind its return. */
  returned(output: number, returnedAt: number = this.#stamp()): void {
    const at = this.#at
    this.#numbers[at + outputField] = output
    this.#numbers[at + returnedField] = returnedAt
  }
}

function lengthOf(numbers: Float64Array): number {
  let length = 0
  while (length * fields < numbers.length && numbers[length * fields] !== 0) length++
  return length
}

/** How what was recorded as numbers is read. */
export interface HistoryLegend {
  /** By a method's index: its name, how many inputs it has, and whether its output is a flag. */
  methods: readonly { name: string; inputs: 0 | 1 | 2; flag?: boolean }[]
  key(index: number): string | number
}

/** The operations of some threads, for {@link checkLinearizable}. Their order among threads is that of the logs. */
export function readHistory(logs: readonly SharedArrayBuffer[], { methods, key }: HistoryLegend): Operation[] {
  return logs.flatMap((memory, thread) => {
    const numbers = new Float64Array(memory)
    return Array.from({ length: lengthOf(numbers) }, (_, index): Operation => {
      const at = index * fields
      const { name, inputs, flag = false } = methods[numbers[at + methodField]!]!
      const given = [datum(numbers[at + firstField]!), datum(numbers[at + secondField]!)]
      const output = datum(numbers[at + outputField]!)
      return {
        thread,
        key: key(numbers[at + keyField]!),
        name,
        inputs: given.slice(0, inputs),
        output: flag ? output === 1 : output,
        calledAt: numbers[at + calledField]!,
        returnedAt: numbers[at + returnedField]! || Infinity,
      }
    })
  })
}

function datum(number: number): Datum {
  return Number.isNaN(number) ? undefined : number
}
