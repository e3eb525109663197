import { invariant, type QpsError } from '@qps/core'
import { BaseBreaker, type Parts } from './base-breaker.ts'
import type { BreakerState, BreakerStats, ChangeReason, Ticket } from './breaker.ts'
import { countFields, header } from './cells.ts'
import type { TripReason, TripRule } from './designs/trip-rule.ts'
import { openError } from './errors.ts'
import type { CircuitPlan } from './options.ts'
import { Probes, type Verdict } from './probes.ts'
import { rateOf, type SlidingWindow } from './sliding-window.ts'
import {
  closed,
  generationOf,
  halfOpen,
  isProbe,
  nextGeneration,
  open,
  phaseOf,
  stateOf,
  ticketGeneration,
  ticketOf,
  triesMax,
  triesOf,
  wordOf,
} from './state-word.ts'

/**
 * A breaker that opens and closes. When it opens is the matter of a {@link TripRule}, the rest is here.
 *
 *   closed ──the rule says so──► open ──openMs have passed, and somebody asks──► half-open
 *     ▲                           ▲                                                │   │
 *     │                           └──too many probes failed, or did not answer─────┘   │
 *     └──enough probes succeeded───────────────────────────────────────────────────────┘
 *
 * - A closed circuit begins with an empty window: what was before the outage is over.
 * - In each half-open phase at most `probesMax` calls pass; one that is cancelled makes room for another.
 * - Whatever a probe does, the phase ends: a probe that does not answer has failed `probeTimeoutMs` after the last
 *   place was taken.
 * - There is no timer; states change when somebody calls.
 *
 * This thread keeps what the word of a closed circuit means, so that the usual call is one load and one comparison.
 * That load is a plain one, which is many times cheaper than `Atomics.load`: what it shows may be some nanoseconds old,
 * which lets one more call pass. Everything that must be exact, the probes above all, is looked at atomically.
 */
export class CircuitBreaker extends BaseBreaker {
  readonly #plan: CircuitPlan
  readonly #rule: TripRule
  readonly #window: SlidingWindow
  readonly #probes: Probes
  /** The last word that this thread has seen. */
  #word = -1
  /** That of a closed circuit, -1 otherwise, and the ticket for its calls. */
  #closedWord = -1
  #ticket = 0
  #late = 0

  constructor(parts: Parts<CircuitPlan>, window: SlidingWindow, rule: TripRule) {
    super(parts)
    const { probesMax, probeSuccessRatio, probeTimeoutMs } = parts.plan
    // What is meant by a share such as 0.8 of 5 is not missed by its last binary digit.
    const needed = Math.ceil(probesMax * probeSuccessRatio - 1e-9)
    this.#plan = parts.plan
    this.#rule = rule
    this.#window = window
    this.#probes = new Probes(this.cells, { probesMax, needed, probeTimeoutMs })
    this.#know(Atomics.load(this.cells, header.state))
  }

  get state(): BreakerState {
    return stateOf(Atomics.load(this.cells, header.state))
  }

  tryAcquire(nowMs?: number): Ticket {
    if (this.cells[header.state] === this.#closedWord) return this.#ticket
    return this.#acquireNotClosed(nowMs ?? this.clock.nowMs())
  }

  success(ticket: Ticket, durationMs?: number, nowMs?: number): void {
    if (ticket === this.#ticket && this.cells[header.state] === this.#closedWord) {
      const reason = this.#rule.succeeded(durationMs, nowMs)
      if (reason !== undefined) this.#open(this.#word, 0, reason, nowMs ?? this.clock.nowMs())
    } else this.#settle(ticket, true, durationMs, nowMs ?? this.clock.nowMs())
  }

  failure(ticket: Ticket, durationMs?: number, nowMs: number = this.clock.nowMs()): void {
    this.#settle(ticket, false, durationMs, nowMs)
  }

  cancel(ticket: Ticket): void {
    const word = this.#wordFor(ticket)
    if (word === undefined || (isProbe(ticket) && !this.#probes.giveBack(word))) this.#late++
    else this.#window.count(countFields.cancelled, this.clock.nowMs())
  }

  retryAfterMs(): number {
    const word = Atomics.load(this.cells, header.state)
    const tick = this.tickAt(this.clock.nowMs())
    if (phaseOf(word) === halfOpen) return this.#probes.waitMs(word, tick)
    return phaseOf(word) === open ? this.#openLeftMs(word, tick) : 0
  }

  stats(): BreakerStats {
    const nowMs = this.clock.nowMs()
    this.#know(Atomics.load(this.cells, header.state))
    const window = this.#window
    window.sum(nowMs)
    const { succeeded, failed, refused, cancelled, timed, slow } = window
    const rateQps = rateOf(window, nowMs)
    return {
      design: this.design,
      state: stateOf(this.#word),
      succeeded,
      failed,
      refused,
      cancelled,
      timed,
      slow,
      errorRatio: failed === 0 ? 0 : failed / (succeeded + failed),
      threshold: this.#rule.thresholdAt(rateQps),
      rateQps,
      refusedRatio: this.retryAfterMs() > 0 ? 1 : 0,
      latencyMsP95: this.#rule.latencyMsP95(window.startMs, nowMs),
      opened: Atomics.load(this.cells, header.opened),
      late: this.#late,
    }
  }

  protected timesNext(): boolean {
    return this.#closedWord === -1 || this.#rule.timesNext()
  }

  protected refusal(): QpsError {
    const waitMs = this.retryAfterMs()
    const word = Atomics.load(this.cells, header.state)
    const why = phaseOf(word) === open ? `the circuit is open for another ${waitMs} ms` : 'others probe at the moment'
    return openError(this.name, why, waitMs)
  }

  #acquireNotClosed(nowMs: number): Ticket {
    const tick = this.tickAt(nowMs)
    for (;;) {
      const word = Atomics.load(this.cells, header.state)
      this.#know(word)
      if (phaseOf(word) === closed) return this.#ticket
      if (phaseOf(word) === open) {
        if (this.#openLeftMs(word, tick) > 0) break
        this.#move(word, triesOf(word), halfOpen, 'time', 0)
      } else {
        if (this.#probes.take(word, tick)) return ticketOf(generationOf(word), true)
        this.#follow(this.#probes.expire(word, tick), word, 'probes-silent', nowMs)
        if (Atomics.load(this.cells, header.state) === word) break
      }
    }
    this.#window.count(countFields.refused, nowMs)
    return 0
  }

  /** All outcomes but the usual one: failures, probes, and what comes late. */
  #settle(ticket: Ticket, good: boolean, durationMs: number | undefined, nowMs: number): void {
    const word = this.#wordFor(ticket)
    if (word === undefined) this.#late++
    else if (isProbe(ticket)) {
      const verdict = this.#probes.answer(word, good && !this.#rule.isSlow(durationMs))
      if (verdict === undefined) this.#late++
      else this.#follow(verdict, word, 'probes-failed', nowMs)
    } else {
      const reason = good ? this.#rule.succeeded(durationMs, nowMs) : this.#rule.failed(durationMs, nowMs)
      if (reason !== undefined) this.#open(word, 0, reason, nowMs)
    }
  }

  /** The word of the phase that a ticket is of; undefined where that is over. */
  #wordFor(ticket: Ticket): number | undefined {
    invariant(ticket !== 0, 'a call that was refused has no outcome')
    const word = Atomics.load(this.cells, header.state)
    this.#know(word)
    return generationOf(word) === ticketGeneration(ticket) ? word : undefined
  }

  #follow(verdict: Verdict, word: number, failure: ChangeReason, nowMs: number): void {
    if (verdict === 'open') this.#open(word, Math.min(triesMax, triesOf(word) + 1), failure, nowMs)
    if (verdict !== 'close') return
    Atomics.store(this.cells, header.since + (nextGeneration(word) & 1), this.#window.idAt(nowMs))
    this.#move(word, 0, closed, 'probes-succeeded', 0)
  }

  #open(word: number, tries: number, reason: TripReason | ChangeReason, nowMs: number): void {
    const { openMs, openMsMax, backoff, jitter, bucketMs } = this.#plan
    const longest = Math.min(openMsMax, openMs * backoff ** tries)
    // Of at least a bucket: what is counted next is then in another one than what has opened the circuit.
    const forMs = Math.max(bucketMs, longest * (1 - jitter * this.random()))
    const until = Math.ceil(nowMs + forMs - this.originMs) | 0
    Atomics.store(this.cells, header.until + (nextGeneration(word) & 1), until)
    if (this.#move(word, tries, open, reason, forMs)) Atomics.add(this.cells, header.opened, 1)
  }

  /** Ends the phase of this word. @returns false where another thread was first. */
  #move(word: number, tries: number, phase: number, reason: ChangeReason, openMs: number): boolean {
    const next = wordOf(nextGeneration(word), tries, phase)
    if (Atomics.compareExchange(this.cells, header.state, word, next) !== word) return false
    this.#know(next, reason, openMs)
    return true
  }

  /** Takes note of a word, and tells of it where it is new. */
  #know(word: number, reason: ChangeReason = 'elsewhere', openMs?: number): void {
    const before = this.#word
    if (word === before) return
    const isClosed = phaseOf(word) === closed
    this.#word = word
    this.#closedWord = isClosed ? word : -1
    this.#ticket = isClosed ? ticketOf(generationOf(word), false) : 0
    if (isClosed) this.#window.countFrom(Atomics.load(this.cells, header.since + (generationOf(word) & 1)))
    if (before === -1) return
    this.changed(stateOf(before), stateOf(word), reason, openMs ?? this.retryAfterMs())
  }

  /** Until an open circuit may be probed, in milliseconds. */
  #openLeftMs(word: number, tick: number): number {
    const leftMs = (Atomics.load(this.cells, header.until + (generationOf(word) & 1)) - tick) | 0
    const leftMsMax = Math.max(this.#plan.openMsMax, this.#plan.bucketMs) + 1
    return leftMs > leftMsMax ? 0 : Math.max(0, leftMs)
  }
}
