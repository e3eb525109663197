/** How often the clock is read while somebody needs it. */
const periodMs = 1000

/**
 * The value of the Date header field, made once a second instead of once per answer (RFC 9110 section 6.6.1: its grain is
 * a second). `version` changes with it, so that whoever has encoded it knows when to do so again.
 *
 * One per thread. Its timer runs only while somebody holds it, and never keeps the process alive.
 */
class DateClock {
  /** e.g. `Sun, 06 Nov 1994 08:49:37 GMT` */
  value = ''
  version = 0
  #holders = 0
  #timer: NodeJS.Timeout | undefined

  hold(): void {
    if (this.#holders++ === 0) this.#tick()
  }

  release(): void {
    if (--this.#holders > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #tick(): void {
    const nowMs = Date.now()
    this.value = new Date(nowMs).toUTCString()
    this.version++
    // Just behind the full second, so that the value is never a second old.
    this.#timer = setTimeout(() => this.#tick(), periodMs - (nowMs % periodMs) + 1)
    this.#timer.unref()
  }
}

export const dateClock: DateClock = new DateClock()
