import type { BreakerHandle } from './handle.ts'
import type { Design } from './options.ts'

/**
 * `closed`: calls pass. `open`: none does. `half-open`: some do, to find out; `google` knows no other state beside
 * `closed`.
 */
export type BreakerState = 'closed' | 'open' | 'half-open'

/**
 * The leave to make one call: a whole number, 0 where it was refused. It knows the phase in which it was given, so that
 * an answer that comes when the phase is over counts for nothing.
 *
 * A number, because an object per call would be all that a call costs; and given back by name (`success`, `failure`,
 * `cancel`), because only the caller knows what an answer means.
 */
export type Ticket = number

/** What a call meant for the breaker. What was cancelled says nothing about the other side. */
export type Outcome = 'success' | 'failure' | 'cancelled'

export interface RunOptions {
  /** Given to the action. Aborted before the call: its reason is thrown and nothing is called. */
  signal?: AbortSignal
}

/** What a breaker sees in its window, as numbers of calls, and what it has done. */
export interface BreakerStats {
  design: Design
  state: BreakerState
  succeeded: number
  failed: number
  /** Calls that it did not let pass. */
  refused: number
  cancelled: number
  /**
   * Those of `succeeded` and `failed` whose duration is known, and those that took longer than `latencyMsP95Max`;
   * `adaptive` alone.
   */
  timed: number
  slow: number
  /** failed / (succeeded + failed), 0..1; 0 without calls. */
  errorRatio: number
  /** The error ratio from which on the circuit opens, at the rate of now. `google` has none: undefined. */
  threshold: number | undefined
  /** Calls that ended, per second. */
  rateQps: number
  /** The chance of a call now to be refused, 0..1. */
  refusedRatio: number
  /** At most an eighth too high; undefined where no durations are kept, or none was told. */
  latencyMsP95: number | undefined
  /**
   * How often the circuit has opened since it was made, in all threads; with `google`: how often this thread began to
   * refuse.
   */
  opened: number
  /** Outcomes that came too late to count, in this thread. */
  late: number
}

/** Something that decides whether calls to another side are worth while. Made by `createBreaker` or `attachBreaker`. */
export interface Breaker {
  /** How errors and events call it. */
  readonly name: string
  readonly design: Design
  /** As of the last call: time alone changes nothing, an open circuit becomes half-open when somebody asks. */
  readonly state: BreakerState

  /**
   * Asks for leave to make a call, at once. O(1), makes no object. What it throws is a listener's.
   *
   * @param nowMs the breaker's clock, where the caller has just read it.
   * @returns a ticket that exactly one of `success`, `failure` and `cancel` must be told, or 0.
   */
  tryAcquire(nowMs?: number): Ticket

  /**
   * The call ended well.
   *
   * @param durationMs how long it took, at least 0, in milliseconds; left out where nobody knows. Only `adaptive` looks
   *   at it.
   * @param nowMs as in `tryAcquire`.
   * @throws InvariantError for a ticket of 0.
   */
  success(ticket: Ticket, durationMs?: number, nowMs?: number): void

  /** The call failed. Otherwise as `success`. */
  failure(ticket: Ticket, durationMs?: number, nowMs?: number): void

  /**
   * Nobody wants the answer any more: the call counts for nothing, and a probe's place is free. Otherwise as `success`.
   */
  cancel(ticket: Ticket): void

  /**
   * Calls `action` where it may, waits for it and judges it.
   *
   * @param action is called at most once, with the signal; what it gives or throws is the caller's.
   * @returns what the action gives; rejects as it does, or with QPS_BREAKER_OPEN (retryable, with `retryAfterMs`).
   */
  run<T>(action: (signal: AbortSignal | undefined) => T | PromiseLike<T>, options?: RunOptions): Promise<T>

  /**
   * When a refused caller has a chance, in milliseconds: 0 where it has one now. Open: until the next probe. Half-open:
   * until those who probe must have answered. `google`: until its window has moved on.
   */
  retryAfterMs(): number

  /** O(buckets). */
  stats(): BreakerStats

  /**
   * What another thread attaches to, by `attachBreaker`: counts and state are then those of all.
   *
   * @throws QpsError QPS_BREAKER_LOCAL where the breaker was made without `shared`.
   */
  share(): BreakerHandle
}

/** Why a circuit changed its state. */
export type ChangeReason =
  /** The error ratio reached the threshold; `google`: it began to refuse. */
  | 'errors'
  /** The 95th percentile of the durations was above its bound. */
  | 'slow'
  /** It was open for long enough. */
  | 'time'
  | 'probes-succeeded'
  | 'probes-failed'
  /** Too many probes did not answer in time. */
  | 'probes-silent'
  /** `google`: it has ceased to refuse. */
  | 'recovered'
  /** Another thread did it, and this one has found out. */
  | 'elsewhere'

export interface BreakerChange {
  name: string
  from: BreakerState
  to: BreakerState
  reason: ChangeReason
  /** How long no call will pass; 0 where some do. */
  openMs: number
}
