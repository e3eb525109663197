import { Histogram } from '@qps/stats'

/** Why a request has no correct answer, whatever the protocol. */
export const errorKinds = ['connect', 'reset', 'timeout', 'parse', 'status', 'length', 'unsent'] as const
/** What HTTP/2 and HTTP/3 add: the server reset the request's stream, or said GOAWAY. */
const streamKinds = ['stream', 'goaway'] as const
/** What gRPC adds: a status other than OK. */
const grpcKinds = ['grpc'] as const
type CommonKind = (typeof errorKinds)[number]
export type ErrorKind = CommonKind | (typeof streamKinds)[number] | (typeof grpcKinds)[number]
/** Every kind that a protocol can have, 0 included. */
export type ErrorCounts = Record<CommonKind, number> & Partial<Record<ErrorKind, number>>

/** The kinds of error that a protocol can have. */
export const errorKindsOf: Readonly<Record<'h1' | 'h2' | 'h3' | 'grpc', readonly ErrorKind[]>> = {
  h1: errorKinds,
  h2: [...errorKinds, ...streamKinds],
  h3: [...errorKinds, ...streamKinds],
  grpc: [...errorKinds, ...streamKinds, ...grpcKinds],
}

/** Statuses of gRPC are 0 to 16; what is beyond counts as 2, UNKNOWN, as its clients would have it. */
const grpcStatusMax = 16
const grpcUnknown = 2

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
  /** Calls of gRPC by their status, where it is not 0. */
  readonly grpcStatuses: Float64Array = new Float64Array(grpcStatusMax + 1)
  readonly errors: Record<ErrorKind, number> = {
    connect: 0,
    reset: 0,
    timeout: 0,
    parse: 0,
    status: 0,
    length: 0,
    unsent: 0,
    stream: 0,
    goaway: 0,
    grpc: 0,
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

  /** A call of gRPC that the server answered with a status other than 0. */
  callFailed(status: number, grpcStatus: number): void {
    this.statuses[status] = this.statuses[status]! + 1
    const known = grpcStatus <= grpcStatusMax ? grpcStatus : grpcUnknown
    this.grpcStatuses[known] = this.grpcStatuses[known]! + 1
    this.errors.grpc++
  }

  /** Requests that got no answer at all. Errors count whenever they happen, in the warm-up and after the end too. */
  error(kind: ErrorKind, count = 1): void {
    this.errors[kind] += count
  }

  get errorCount(): number {
    let count = 0
    for (const kind of errorKindsOf.grpc) count += this.errors[kind]
    return count
  }
}
