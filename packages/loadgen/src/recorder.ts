import { Histogram } from '@qps/stats'

/** Why a request has no correct answer. */
export const errorKinds = ['connect', 'reset', 'timeout', 'parse', 'status', 'length', 'unsent'] as const
export type ErrorKind = (typeof errorKinds)[number]

/**
 * What one thread saw. A latency belongs to the measured window, or not, by one of two instants:
 *
 * - closed loop: by the answer's arrival. Requests are sent because others were answered, so that answers are the rate.
 * - open loop: by the intended start. The arrivals are given; an answer that comes after the end still counts, or a stall
 *   near the end would be invisible.
 */
export class Recorder {
  /** From the intended start to the whole answer. Correct answers only. */
  readonly latencyUs: Histogram = new Histogram()
  /** Open loop: how long after its intended start a request left, although a connection was free. */
  readonly latenessUs: Histogram = new Histogram()
  /** Answers by status code. */
  readonly statuses: Float64Array = new Float64Array(1000)
  readonly errors: Record<ErrorKind, number> = {
    connect: 0,
    reset: 0,
    timeout: 0,
    parse: 0,
    status: 0,
    length: 0,
    unsent: 0,
  }
  /** Correct answers, warm-up included. */
  answered = 0
  /** Correct answers that arrived within the window. */
  answeredInWindow = 0
  /** The measured window; set when the load begins. */
  windowStartMs: number = Infinity
  windowEndMs: number = Infinity

  readonly #byIntendedStart: boolean

  constructor(loop: 'open' | 'closed') {
    this.#byIntendedStart = loop === 'open'
  }

  /** A correct answer. */
  success(status: number, intendedMs: number, nowMs: number): void {
    this.answered++
    const arrivedInside = nowMs >= this.windowStartMs && nowMs < this.windowEndMs
    if (arrivedInside) this.answeredInWindow++
    const counts = this.#byIntendedStart
      ? intendedMs >= this.windowStartMs && intendedMs < this.windowEndMs
      : arrivedInside
    if (!counts) return
    this.statuses[status] = this.statuses[status]! + 1
    this.latencyUs.record((nowMs - intendedMs) * 1000)
  }

  /** An answer that is wrong in its status or its length. */
  wrong(kind: 'status' | 'length', status: number): void {
    this.statuses[status] = this.statuses[status]! + 1
    this.errors[kind]++
  }

  /** Requests that got no answer at all. Errors count whenever they happen, in the warm-up and after the end too. */
  error(kind: ErrorKind, count = 1): void {
    this.errors[kind] += count
  }

  get errorCount(): number {
    let count = 0
    for (const kind of errorKinds) count += this.errors[kind]
    return count
  }
}
