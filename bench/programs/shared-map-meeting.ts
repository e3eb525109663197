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

/** Numbers of one thread: what it has done, how many times it has measured, and the times; a line of cache apart from others. */
const threadNumbers = 16 + timesMax
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

  /** A thread tells of a batch. @param batches how many there were since the measured time began. */
  tell(thread: number, done: number, batches: number, ns: number): void {
    const at = thread * threadNumbers
    this.#numbers[at] = done
    this.#numbers[at + 1] = batches
    this.#numbers[at + 16 + ((batches - 1) % timesMax)] = ns
  }

  /** The times of a thread's latest batches, nanoseconds. */
  times(thread: number): Float64Array {
    const at = thread * threadNumbers
    return this.#numbers.slice(at + 16, at + 16 + Math.min(this.#numbers[at + 1]!, timesMax))
  }
}
