/**
 * Time, injected. Everything that waits or measures takes a Clock, so that tests move time by hand and a jump of the
 * wall clock changes nothing: `nowMs` is monotonic, only `wallMs` may jump.
 */
export interface Clock {
  /** Monotonic milliseconds with a fraction, from an arbitrary origin. Compare only with the same clock. */
  nowMs(): number
  /** Unix milliseconds. For timestamps that leave the process, never for durations. */
  wallMs(): number
  /**
   * Calls `callback` once, `delayMs` from now or later. Disposing of the result cancels it; disposing again is a no-op.
   * The timer does not keep the process alive.
   */
  after(delayMs: number, callback: () => void): Disposable
  /** Calls `callback` every `periodMs` until disposed of. Does not keep the process alive. */
  every(periodMs: number, callback: () => void): Disposable
}

/** The real clock: `performance.now`, `Date.now` and Node's timers. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
  every(periodMs, callback) {
    const timer = setInterval(callback, periodMs)
    timer.unref()
    return { [Symbol.dispose]: () => clearInterval(timer) }
  },
}

interface Alarm {
  dueMs: number
  sequence: number
  periodMs: number | undefined
  callback: () => void
}

/**
 * A clock that moves only when told to. Timers due at the same instant run in the order in which they were set, and a
 * callback sees `nowMs()` equal to the instant it was due at.
 *
 * @example
 * const clock = new ManualClock()
 * clock.after(1000, () => console.log('a second later'))
 * clock.advance(1000)
 */
export class ManualClock implements Clock {
  #nowMs = 0
  #wallMs: number
  #sequence = 0
  readonly #alarms = new Set<Alarm>()

  /** @param wallMs Unix milliseconds that `wallMs()` starts from; default 2026-01-01T00:00:00Z. */
  constructor(wallMs: number = Date.UTC(2026, 0, 1)) {
    this.#wallMs = wallMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#wallMs
  }

  after(delayMs: number, callback: () => void): Disposable {
    return this.#set(delayMs, undefined, callback)
  }

  every(periodMs: number, callback: () => void): Disposable {
    return this.#set(periodMs, periodMs, callback)
  }

  /** Moves both clocks forward, running every timer that falls due, those set on the way included. */
  advance(deltaMs: number): void {
    const endMs = this.#nowMs + deltaMs
    for (let alarm = this.#next(endMs); alarm !== undefined; alarm = this.#next(endMs)) {
      this.#moveTo(alarm.dueMs)
      if (alarm.periodMs === undefined) this.#alarms.delete(alarm)
      else alarm.dueMs += alarm.periodMs
      alarm.callback()
    }
    this.#moveTo(endMs)
  }

  /** What an administrator or NTP does: the wall clock jumps, monotonic time does not. */
  jumpWall(deltaMs: number): void {
    this.#wallMs += deltaMs
  }

  /** Timers still set: a test's proof that nothing was left behind. */
  get pending(): number {
    return this.#alarms.size
  }

  #set(delayMs: number, periodMs: number | undefined, callback: () => void): Disposable {
    const alarm: Alarm = { dueMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, periodMs, callback }
    this.#alarms.add(alarm)
    return { [Symbol.dispose]: () => this.#alarms.delete(alarm) }
  }

  #next(endMs: number): Alarm | undefined {
    let first: Alarm | undefined
    for (const alarm of this.#alarms) {
      if (alarm.dueMs > endMs) continue
      if (!first || alarm.dueMs < first.dueMs || (alarm.dueMs === first.dueMs && alarm.sequence < first.sequence)) {
        first = alarm
      }
    }
    return first
  }

  #moveTo(instantMs: number): void {
    this.#wallMs += instantMs - this.#nowMs
    this.#nowMs = instantMs
  }
}
