import { checkInteger, type Clock, systemClock } from '@qps/core'

export interface HandshakeGateOptions {
  /** Handshakes begun and not yet ended, 1 to 65,536. Default 256. */
  activeMax?: number
  /** Handshakes that begin in one turn of the loop, 1 to 1024. Default 8. */
  perTurnMax?: number
  /** Connections that wait to begin, 0 to 1,048,576; further ones are closed. Default 1024. */
  waitingMax?: number
  /** A connection that has not begun by then is closed, in milliseconds, at least 100. Default 3000. */
  waitTimeoutMs?: number
  /** Default the system's. */
  clock?: Clock
  /** Calls back in a later turn of the loop. Default `setImmediate`. */
  nextTurn?: (callback: () => void) => void
}

export const gateDefaults = {
  activeMax: 256,
  perTurnMax: 8,
  waitingMax: 1024,
  waitTimeoutMs: 3000,
} as const

/** Why a connection was not let in. */
export type GateRefusal = 'full' | 'timeout' | 'closed'

/** Whoever wants to begin. One of the two is called, once, unless the pass is left before that. */
export interface GateVisitor {
  /** `pass` is what `enter` returns. */
  begin(pass: GatePass): void
  refuse(reason: GateRefusal): void
}

/** A visitor's place, waiting or inside. */
export interface GatePass {
  /** Gives the place up, at the end of the handshake or before its beginning. Again: nothing. */
  leave(): void
}

export interface GateStats {
  active: number
  waiting: number
  /** All that began. */
  begun: number
  /** All that were closed because the queue was full, or because they waited too long. */
  refusedFull: number
  refusedTimeout: number
  /** The most that were inside at a time. */
  activePeak: number
}

/**
 * A bound on handshakes: so many at a time, so many to a turn, and a queue of bounded length and time for the others. The
 * first flight of a handshake signs with the certificate's key on the loop's thread; a thousand clients at once would keep
 * everybody else waiting for a thousand signatures.
 *
 * First come, first served. Whether somebody has waited too long is looked at four times per `waitTimeoutMs`, by one timer for
 * all, and only while somebody waits. It knows no socket.
 */
export class HandshakeGate implements Disposable {
  readonly #limits: Readonly<Record<keyof typeof gateDefaults, number>>
  readonly #clock: Clock
  readonly #nextTurn: (callback: () => void) => void
  /** In the order in which they came; one that gives up leaves from the middle. */
  readonly #waiting = new Set<Place>()
  readonly #stats: Omit<GateStats, 'waiting'> = {
    active: 0,
    begun: 0,
    refusedFull: 0,
    refusedTimeout: 0,
    activePeak: 0,
  }
  #begunInTurn = 0
  #turnIsSet = false
  #sweep: Disposable | undefined
  #closed = false

  /** @throws QpsError QPS_OPTION. */
  constructor(options: HandshakeGateOptions = {}) {
    const check = (name: keyof typeof gateDefaults, min: number, max: number): number =>
      checkInteger(name, options[name] ?? gateDefaults[name], { min, max })
    this.#limits = {
      activeMax: check('activeMax', 1, 65_536),
      perTurnMax: check('perTurnMax', 1, 1024),
      waitingMax: check('waitingMax', 0, 1_048_576),
      waitTimeoutMs: check('waitTimeoutMs', 100, 600_000),
    }
    this.#clock = options.clock ?? systemClock
    this.#nextTurn = options.nextTurn ?? setImmediate
  }

  /** Begins now where there is room, else later or never; either call may come before this returns. */
  enter(visitor: GateVisitor): GatePass {
    const place = new Place(visitor, this.#clock.nowMs(), (left) => this.#leave(left))
    if (this.#closed) this.#refuse(place, 'closed')
    else if (this.#waiting.size === 0 && this.#hasRoom()) this.#begin(place)
    else if (this.#waiting.size >= this.#limits.waitingMax) this.#refuse(place, 'full')
    else this.#queue(place)
    return place
  }

  stats(): GateStats {
    return { ...this.#stats, waiting: this.#waiting.size }
  }

  /** Refuses whoever waits and whoever comes; what has begun goes on. */
  [Symbol.dispose](): void {
    this.#closed = true
    for (const place of this.#waiting) this.#refuse(place, 'closed')
  }

  #hasRoom(): boolean {
    return this.#stats.active < this.#limits.activeMax && this.#begunInTurn < this.#limits.perTurnMax
  }

  #queue(place: Place): void {
    this.#waiting.add(place)
    this.#sweep ??= this.#clock.every(this.#limits.waitTimeoutMs / 4, () => this.#expire())
    this.#setTurn()
  }

  #begin(place: Place): void {
    this.#drop(place)
    place.inside = true
    this.#begunInTurn++
    this.#stats.begun++
    this.#stats.active++
    this.#stats.activePeak = Math.max(this.#stats.activePeak, this.#stats.active)
    this.#setTurn()
    place.visitor.begin(place)
  }

  #refuse(place: Place, reason: GateRefusal): void {
    this.#drop(place)
    place.gone = true
    if (reason === 'full') this.#stats.refusedFull++
    if (reason === 'timeout') this.#stats.refusedTimeout++
    place.visitor.refuse(reason)
  }

  #leave(place: Place): void {
    if (!place.inside) return this.#drop(place)
    this.#stats.active--
    if (this.#waiting.size > 0) this.#setTurn()
  }

  #drop(place: Place): void {
    this.#waiting.delete(place)
    if (this.#waiting.size > 0) return
    this.#sweep?.[Symbol.dispose]()
    this.#sweep = undefined
  }

  #setTurn(): void {
    if (this.#turnIsSet) return
    this.#turnIsSet = true
    this.#nextTurn(() => {
      this.#turnIsSet = false
      this.#begunInTurn = 0
      for (const place of this.#waiting) {
        if (!this.#hasRoom()) break
        this.#begin(place)
      }
    })
  }

  #expire(): void {
    const tooOldMs = this.#clock.nowMs() - this.#limits.waitTimeoutMs
    for (const place of this.#waiting) {
      if (place.sinceMs > tooOldMs) break
      this.#refuse(place, 'timeout')
    }
  }
}

class Place implements GatePass {
  inside = false
  gone = false
  readonly visitor: GateVisitor
  readonly sinceMs: number
  readonly #leave: (place: Place) => void

  constructor(visitor: GateVisitor, sinceMs: number, leave: (place: Place) => void) {
    this.visitor = visitor
    this.sinceMs = sinceMs
    this.#leave = leave
  }

  leave(): void {
    if (this.gone) return
    this.gone = true
    this.#leave(this)
  }
}
