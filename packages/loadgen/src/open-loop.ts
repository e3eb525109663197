import type { Clock } from '@qps/core'
import type { LoadConnection } from './connection.ts'
import { IdleRing } from './idle-ring.ts'
import { InstantRing } from './instant-ring.ts'
import type { Loop } from './loop.ts'
import { Occupancy } from './occupancy.ts'
import type { Recorder } from './recorder.ts'

/** A timer fires up to this much too late: it has whole milliseconds, and an idle core takes its time to wake. */
const timerErrorMs = 3

export interface OpenLoopOptions {
  /** This thread's share of the rate. */
  rateQps: number
  /** The first arrival comes so long after the beginning: threads take turns. */
  phaseMs: number
  /** This thread's connections. */
  connections: number
  /** Requests that wait for a free slot; one more is counted as `unsent`. */
  queueMax: number
}

/**
 * An open loop: requests arrive at a constant spacing whatever the server does, as its users would. A request takes the
 * connection that has been idle longest; where no slot is free it waits, and its latency counts from its intended start
 * all the same. That is what corrects coordinated omission: a stalled server cannot delay the question "how long?".
 *
 * Pacing: sleeps with a timer while the next arrival is far, then spins on `setImmediate` until it is due, which keeps one
 * core busy and answers readable within microseconds. Instants are computed from the origin, so that no error adds up.
 */
export class OpenLoop implements Loop {
  readonly occupancy: Occupancy = new Occupancy()
  /** Turns of the event loop, and those of them in which nothing was due and nothing arrived: none where it has no rest. */
  turns = 0
  idleTurns = 0

  readonly #clock: Clock
  readonly #recorder: Recorder
  readonly #spacingMs: number
  readonly #phaseMs: number
  readonly #queue: InstantRing
  readonly #idle: IdleRing<LoadConnection>
  #originMs = 0
  #endMs = 0
  #arrivals = 0
  #running = false
  /** Something has happened since the last turn. */
  #stirred = false
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(options: OpenLoopOptions, recorder: Recorder, clock: Clock) {
    this.#spacingMs = 1000 / options.rateQps
    this.#phaseMs = options.phaseMs
    this.#queue = new InstantRing(options.queueMax)
    this.#idle = new IdleRing(options.connections)
    this.#recorder = recorder
    this.#clock = clock
  }

  begin(nowMs: number, endMs: number): void {
    this.#running = true
    this.#endMs = endMs
    this.#originMs = nowMs + this.#phaseMs
    this.#turn()
  }

  available(connection: LoadConnection, nowMs: number): void {
    this.#idle.push(connection)
    this.#dispatch(nowMs)
  }

  answered(connection: LoadConnection, count: number, nowMs: number): void {
    this.#stirred = true
    this.occupancy.left(count, nowMs)
    this.#idle.push(connection)
    this.#dispatch(nowMs)
  }

  lost(count: number, nowMs: number): void {
    this.occupancy.left(count, nowMs)
  }

  stop(nowMs: number): void {
    if (this.#running) this.#arrive(nowMs)
    this.close()
  }

  get waiting(): number {
    return this.#queue.length
  }

  giveUp(): number {
    const { length } = this.#queue
    this.#queue.clear()
    return length
  }

  close(): void {
    this.#running = false
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
  }

  /** One turn: what is due arrives, and the next turn is arranged for. */
  readonly #turn = (): void => {
    if (!this.#running) return
    const nowMs = this.#clock.nowMs()
    this.turns++
    if (nowMs >= this.#nextMs) this.#arrive(nowMs)
    else if (!this.#stirred) this.idleTurns++
    this.#stirred = false
    const sleepMs = Math.floor(this.#nextMs - nowMs - timerErrorMs)
    if (sleepMs >= 1) this.#timer = setTimeout(this.#turn, sleepMs)
    else this.#immediate = setImmediate(this.#turn)
  }

  get #nextMs(): number {
    return this.#originMs + this.#arrivals * this.#spacingMs
  }

  /** Queues every request that is due, and sends what finds a free slot. */
  #arrive(nowMs: number): void {
    const slotsWereFree = this.#queue.length === 0
    for (let intendedMs = this.#nextMs; intendedMs <= nowMs && intendedMs < this.#endMs; intendedMs = this.#nextMs) {
      this.#arrivals++
      if (this.#queue.push(intendedMs)) this.occupancy.arrived(intendedMs, nowMs)
      else this.#recorder.error('unsent')
    }
    this.#dispatch(nowMs, slotsWereFree)
  }

  /** Spreads what waits over the idle connections; those of one connection leave in one write. */
  #dispatch(nowMs: number, measureLateness = false): void {
    while (this.#queue.length > 0) {
      const share = Math.ceil(this.#queue.length / Math.max(1, this.#idle.length))
      const connection = this.#idle.take()
      if (connection === undefined) return
      for (let left = Math.min(share, connection.free); left > 0; left--) {
        const intendedMs = this.#queue.shift()
        if (measureLateness) this.#recorder.latenessUs.record((nowMs - intendedMs) * 1000)
        connection.enqueue(intendedMs)
      }
      connection.flush()
      this.#idle.push(connection)
    }
  }
}
