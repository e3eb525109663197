import type { FaultTrace } from './fault-traces.ts'

/** A call that a client wanted to make, in milliseconds from the beginning of a trace. */
export interface OfferedCall {
  atMs: number
  /** What would have come of it, had it been sent at this instant: an answer in time, or not. */
  wouldServe: boolean
  refused: boolean
}

/** What a breaker did in a trace. */
export interface FaultFigures {
  /** Calls that were refused though they would have been served, as time: so many at the trace's rate. */
  wronglyOpenMs: number
  /**
   * From the beginning of the fault to the first half second in which at least half of the calls were refused; absent:
   * never.
   */
  timeToOpenMs?: number
  /** From the end of the fault to the end of the last such half second; 0 where there was none after the fault. */
  timeToRecoverMs: number
  /** Share of the calls without a chance that were spared, 0..1. */
  savedRatio: number
}

const stepMs = 500
const openShare = 0.5

/** @param calls in the order of their instants. */
export function faultFigures(trace: FaultTrace, calls: readonly OfferedCall[]): FaultFigures {
  const { startMs, endMs } = faultSpan(trace)
  const openSteps = stepsThatAreOpen(calls)
  const firstOpen = openSteps.find((at) => at + stepMs > startMs)
  const lastOpen = openSteps.findLast((at) => at + stepMs > endMs)
  const lost = calls.filter(({ wouldServe }) => !wouldServe)
  const wronglyRefused = calls.filter(({ wouldServe, refused }) => wouldServe && refused).length
  return {
    wronglyOpenMs: (wronglyRefused * 1000) / trace.rateQps,
    ...(firstOpen !== undefined && { timeToOpenMs: Math.max(0, firstOpen - startMs) }),
    timeToRecoverMs: lastOpen === undefined ? 0 : lastOpen + stepMs - endMs,
    savedRatio: lost.length === 0 ? 0 : lost.filter(({ refused }) => refused).length / lost.length,
  }
}

/** From the beginning of the first phase that is a fault to the end of the last. */
export function faultSpan({ phases }: FaultTrace): { startMs: number; endMs: number } {
  let atMs = 0
  let startMs = Infinity
  let endMs = 0
  for (const { durationS, fault } of phases) {
    if (fault) startMs = Math.min(startMs, atMs)
    atMs += durationS * 1000
    if (fault) endMs = atMs
  }
  return { startMs, endMs }
}

/** Where the half seconds begin in which at least half of the calls were refused. */
function stepsThatAreOpen(calls: readonly OfferedCall[]): number[] {
  const steps = Map.groupBy(calls, ({ atMs }) => Math.floor(atMs / stepMs))
  const isOpen = (of: readonly OfferedCall[]): boolean =>
    of.filter(({ refused }) => refused).length >= openShare * of.length
  return [...steps].filter(([, of]) => isOpen(of)).map(([step]) => step * stepMs)
}
