import type { Clock } from '@qps/core'
import type { HistogramSnapshot } from '@qps/stats'
import { ClosedLoop } from './closed-loop.ts'
import type { ConnectionContext } from './connection.ts'
import type { Loop } from './loop.ts'
import { OpenLoop } from './open-loop.ts'
import type { LoadPlan } from './options.ts'
import { ConnectionPool } from './pool.ts'
import type { Dialect } from './protocol.ts'
import { type ErrorKind, Recorder } from './recorder.ts'
import type { Transport, TransportTarget } from './transport.ts'

/** Requests that wait in an open loop, per thread: what arrives within the timeout, within these bounds (8 MiB at most). */
const queueBounds = { min: 1024, max: 1024 * 1024 }

/** One thread's part of a plan. */
export interface ThreadShare {
  plan: LoadPlan
  target: TransportTarget
  connections: number
  /** This thread's part of the rate; null in a closed loop. */
  rateQps: number | null
  phaseMs: number
}

/** What one thread saw, as plain data. */
export interface ThreadReport {
  /** Name of the transport. */
  transport: string
  latencyUs: HistogramSnapshot
  latenessUs: HistogramSnapshot
  status: Record<string, number>
  /** Calls by status of gRPC. */
  grpcStatus: Record<string, number>
  errors: Record<ErrorKind, number>
  /** The measured window as it really was: shorter where the run ended early. */
  windowMs: number
  answeredInWindow: number
  /** The thread's own CPU time from the window's beginning to its end, and the answers within the same instants. */
  cpu: { us: number; elapsedMs: number; answered: number }
  /** Open loop: mean number of requests in the system within the window; null in a closed loop. */
  meanInSystem: number | null
  /** Open loop: the share of turns without anything to do; null in a closed loop. */
  idleRatio: number | null
  /** Length of a correct answer's body; -1 where there was none. */
  bodyBytes: number
  /** The fewest streams in flight that a server allowed on a connection; Infinity where it never said. */
  streamsMax: number
  /** Milliseconds after the beginning at which the server had stopped listening; null where it had not. */
  stoppedAfterMs: number | null
  aborted: boolean
}

/** What changes between two instants: CPU time and the count of answers, taken together. */
interface Mark {
  atMs: number
  cpuUs: number
  answered: number
  integral: number
}

/**
 * One generating thread: its connections, its loop, and the phases of the run.
 *
 *   open() ─► run() ─► warm-up ─► window ─► draining: outstanding answers, at most timeoutS ─► report
 *                         └──────────┴── abort, or the server has stopped ────────────────────────┘
 */
export class LoadThread {
  readonly #share: ThreadShare
  readonly #clock: Clock
  readonly #recorder: Recorder
  readonly #loop: Loop
  readonly #context: ConnectionContext
  readonly #pool: ConnectionPool
  readonly #timers: NodeJS.Timeout[] = []
  readonly #ended = Promise.withResolvers<void>()
  #beganMs = 0
  #first: Mark | undefined
  #last: Mark | undefined
  #stoppedAfterMs: number | null = null
  #aborted = false

  /** @param dialect of the plan's message. */
  constructor(share: ThreadShare, transport: Transport, dialect: Dialect, clock: Clock) {
    const { plan, rateQps } = share
    this.#share = share
    this.#clock = clock
    this.#recorder = new Recorder(rateQps === null ? 'closed' : 'open')
    this.#loop = rateQps === null ? new ClosedLoop() : this.#openLoop(rateQps)
    this.#context = {
      clock,
      transport,
      target: share.target,
      recorder: this.#recorder,
      loop: this.#loop,
      pipeline: plan.pipeline,
      lengthVaries: plan.lengthVaries,
      expected: { bodyBytes: -1 },
      peer: { streamsMax: Infinity },
    }
    const make = dialect(this.#context)
    this.#pool = new ConnectionPool(this.#context, make, plan.timeoutS * 1000, (nowMs) => this.#serverStopped(nowMs))
  }

  /** Opens the connections; resolves when each is open or has failed once. */
  async open(): Promise<void> {
    await this.#pool.fill(this.#share.connections)
  }

  /** Generates the load; resolves when every request has its answer or counts as an error. Call once, after `open`. */
  async run(): Promise<ThreadReport> {
    const { warmupS, durationS } = this.#share.plan
    this.#beganMs = this.#clock.nowMs()
    this.#recorder.windowStartMs = this.#beganMs + warmupS * 1000
    this.#recorder.windowEndMs = this.#recorder.windowStartMs + durationS * 1000
    if (this.#aborted) this.#endEarly(this.#beganMs)
    if (warmupS === 0) this.#first = this.#mark()
    else this.#timers.push(setTimeout(() => (this.#first = this.#mark()), warmupS * 1000))
    this.#timers.push(setTimeout(() => this.#drain(), (warmupS + durationS) * 1000))
    this.#loop.begin(this.#beganMs, this.#recorder.windowEndMs)
    this.#pool.begin(this.#beganMs)
    await this.#ended.promise
    for (const timer of this.#timers) clearTimeout(timer)
    this.#loop.close()
    this.#pool.close()
    return this.#report()
  }

  /** Ends the run at once; what is outstanding is forgotten. */
  abort(): void {
    this.#aborted = true
    if (this.#beganMs === 0) this.#pool.close()
    else this.#endEarly(this.#clock.nowMs())
  }

  /** Correct answers and errors so far. */
  progress(): { requests: number; errors: number } {
    return { requests: this.#recorder.answered, errors: this.#recorder.errorCount }
  }

  #openLoop(rateQps: number): OpenLoop {
    const { phaseMs, connections, plan } = this.#share
    const queueMax = Math.min(queueBounds.max, Math.max(queueBounds.min, Math.ceil(rateQps * plan.timeoutS)))
    return new OpenLoop({ rateQps, phaseMs, connections, queueMax }, this.#recorder, this.#clock)
  }

  /**
   * The window is over: no request is new. What waits has its timeout to be sent, and what is outstanding then another one to
   * be answered: that a backlog was left is not the server's fault.
   */
  #drain(): void {
    this.#last = this.#mark()
    this.#loop.stop(this.#clock.nowMs())
    const timeoutMs = this.#share.plan.timeoutS * 1000
    let deadlineMs = this.#clock.nowMs() + timeoutMs
    const look = (): void => {
      const outstanding = this.#pool.outstanding
      if (outstanding + this.#loop.waiting === 0) return this.#ended.resolve()
      if (this.#clock.nowMs() >= deadlineMs) {
        const unsent = this.#loop.giveUp()
        this.#recorder.error('unsent', unsent)
        if (unsent === 0) {
          this.#recorder.error('timeout', outstanding)
          return this.#ended.resolve()
        }
        deadlineMs = this.#clock.nowMs() + timeoutMs
      }
      this.#timers.push(setTimeout(look, 2))
    }
    look()
  }

  /** Nobody listens any more, and every connection ended without a loss. */
  #serverStopped(nowMs: number): void {
    this.#recorder.error('unsent', this.#last === undefined ? 0 : this.#loop.waiting)
    this.#stoppedAfterMs = this.#last === undefined ? nowMs - this.#beganMs : null
    this.#endEarly(nowMs)
  }

  #endEarly(nowMs: number): void {
    this.#recorder.windowEndMs = Math.min(this.#recorder.windowEndMs, nowMs)
    this.#last ??= this.#mark()
    this.#ended.resolve()
  }

  #mark(): Mark {
    const cpu = process.threadCpuUsage()
    const atMs = this.#clock.nowMs()
    const integral = this.#loop instanceof OpenLoop ? this.#loop.occupancy.integral(atMs) : 0
    return { atMs, cpuUs: cpu.user + cpu.system, answered: this.#recorder.answered, integral }
  }

  #report(): ThreadReport {
    const recorder = this.#recorder
    const last = this.#last ?? this.#mark()
    const first = this.#first ?? last
    const elapsedMs = last.atMs - first.atMs
    const loop = this.#loop instanceof OpenLoop ? this.#loop : undefined
    return {
      transport: this.#context.transport.name,
      latencyUs: recorder.latencyUs.toJSON(),
      latenessUs: recorder.latenessUs.toJSON(),
      status: countsOf(recorder.statuses),
      grpcStatus: countsOf(recorder.grpcStatuses),
      errors: recorder.errors,
      windowMs: Math.max(0, recorder.windowEndMs - recorder.windowStartMs),
      answeredInWindow: recorder.answeredInWindow,
      cpu: { us: last.cpuUs - first.cpuUs, elapsedMs, answered: last.answered - first.answered },
      meanInSystem: loop && elapsedMs > 0 ? (last.integral - first.integral) / elapsedMs : null,
      idleRatio: loop && loop.turns > 0 ? loop.idleTurns / loop.turns : null,
      bodyBytes: this.#context.expected.bodyBytes,
      streamsMax: this.#context.peer.streamsMax,
      stoppedAfterMs: this.#stoppedAfterMs,
      aborted: this.#aborted,
    }
  }
}

/** By code, those that occurred. */
function countsOf(counts: Float64Array): Record<string, number> {
  const found: Record<string, number> = {}
  counts.forEach((count, code) => {
    if (count > 0) found[code] = count
  })
  return found
}
