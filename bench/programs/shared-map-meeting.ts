import type { Workload } from './shared-map-sequence.ts'
import type { KeyForm, StoreHandle } from './shared-map-stores.ts'

/** What a working thread is given. */
export interface ThreadTask extends Workload {
  thread: number
  keys: KeyForm
  store: StoreHandle
  /** Of {@link meetingBytes}, shared by all. */
  meeting: SharedArrayBuffer
  /** Operations between two looks at the clock. */
  batch: number
}

/** Batch times that are kept of each thread, the latest ones. */
export const timesMax = 4096

/** What a thread tells of a batch. */
export interface Told {
  /** Operations so far. */
  done: number
  /** Made of everything that was read, so that no read can be left out. */
  sum: number
  /** Batches since the measured time began. */
  batches: number
  /** What the latest one took. */
  ns: number
}

/** Before the times of a thread: nobody else writes to this line of cache, nor to the next one. */
const toldNumbers = 16
const threadNumbers = toldNumbers + timesMax
const phaseNumbers = 16

/** Phases of the threads, in the order in which the program goes through them. */
export const phases = { prepare: 0, warmup: 1, measure: 2, stop: 3 } as const

/** Where the threads and the program that waits for them meet: nothing is sent while they work. */
export class Meeting {
  readonly #phase: Int32Array<SharedArrayBuffer>
  readonly #numbers: Float64Array<SharedArrayBuffer>

  constructor(memory: SharedArrayBuffer) {
    this.#phase = new Int32Array(memory, 0, phaseNumbers)
    this.#numbers = new Float64Array(memory, phaseNumbers * Float64Array.BYTES_PER_ELEMENT)
  }

  static bytes(threads: number): number {
    return (phaseNumbers + threads * threadNumbers) * Float64Array.BYTES_PER_ELEMENT
  }

  get phase(): number {
    return Atomics.load(this.#phase, 0)
  }

  set phase(phase: number) {
    Atomics.store(this.#phase, 0, phase)
    Atomics.notify(this.#phase, 0)
  }

  /** Blocks until the warm-up begins. */
  waitUntilPrepared(): void {
    Atomics.wait(this.#phase, 0, phases.prepare)
  }

  /** What a thread has done so far. */
  done(thread: number): number {
    return this.#numbers[thread * threadNumbers]!
  }

  sum(thread: number): number {
    return this.#numbers[thread * threadNumbers + 1]!
  }

  tell(thread: number, { done, sum, batches, ns }: Told): void {
    const at = thread * threadNumbers
    this.#numbers[at] = done
    this.#numbers[at + 1] = sum
    this.#numbers[at + 2] = batches
    if (batches > 0) this.#numbers[at + toldNumbers + ((batches - 1) % timesMax)] = ns
  }

  /** The times of a thread's latest batches, nanoseconds. */
  times(thread: number): Float64Array {
    const at = thread * threadNumbers
    const from = at + toldNumbers
    return this.#numbers.slice(from, from + Math.min(this.#numbers[at + 2]!, timesMax))
  }
}
