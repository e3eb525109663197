/** Why a closed circuit opens. */
export type TripReason = 'errors' | 'slow'

/** What distinguishes one circuit from another: which calls count how, and when it opens. */
export interface TripRule {
  /** Whether `run` should measure how long the next call takes. */
  timesNext(): boolean
  /**
   * Counts a call that ended well.
   *
   * @param durationMs undefined where nobody knows.
   * @param nowMs the clock, where it has been read.
   * @returns why the circuit is to open, or undefined.
   */
  succeeded(durationMs: number | undefined, nowMs: number | undefined): TripReason | undefined
  /** Counts a call that failed. Likewise. */
  failed(durationMs: number | undefined, nowMs: number): TripReason | undefined
  /** Whether a probe of this duration is too slow to be good. */
  isSlow(durationMs: number | undefined): boolean
  /** The error ratio from which on it opens, at this rate. */
  thresholdAt(rateQps: number): number
  /** The 95th percentile of the durations since an instant; undefined where none are kept. */
  latencyMsP95(fromMs: number, nowMs: number): number | undefined
}
