import type { LoadResult, Totals } from './result.ts'

/** Little's law may be off by so much; more means that rate or latency is wrong. */
const littleTolerance = 0.1
/** From here on a generating thread is a closed loop's limit. */
const busyLimit = 0.95
/** An open loop that achieves less than this share of what it offers has measured another load. */
const achievedRatioMin = 0.95
/** Sending later than this, although a connection was free, is the generator's own latency. */
const latenessMsMax = 1
/** Below this share of turns without work a generating thread has no rest. */
const idleRatioMin = 0.02

/**
 * Everything that speaks against a result, a sentence each; empty where it can be used. A figure that breaks physics or
 * that shows the generator instead of the server is not a figure about the server.
 */
export function reasonsAgainst(result: LoadResult, totals: Totals): string[] {
  const found = [
    ...interruptions(totals),
    ...refusals(result, totals),
    ...wrongAnswers(result, totals),
    ...(result.requests === 0 ? [] : [...impossible(result), ...generatorLimits(result, totals)]),
  ]
  return found
}

function interruptions({ stoppedAfterMs, aborted, windowMs }: Totals): string[] {
  const reasons: string[] = []
  if (stoppedAfterMs !== null) reasons.push(`server stopped listening after ${(stoppedAfterMs / 1000).toFixed(1)} s`)
  if (aborted) reasons.push(`ended early by the caller, after ${(windowMs / 1000).toFixed(1)} s measured`)
  return reasons
}

/** In a closed loop, a server that takes fewer streams than were asked for has answered another load. */
function refusals({ pipeline, offeredQps }: LoadResult, { streamsMax }: Totals): string[] {
  if (offeredQps !== null || streamsMax >= pipeline) return []
  return [
    `the server allows ${streamsMax} streams in flight on a connection, fewer than the ${pipeline} asked for: lower --pipeline and raise -c`,
  ]
}

function wrongAnswers(result: LoadResult, totals: Totals): string[] {
  const reasons: string[] = []
  if (result.requests === 0) reasons.push('no correct answer was measured')
  if (result.errors > 0) {
    const kinds = Object.entries(result.errorsByKind).filter(([, count]) => count > 0)
    reasons.push(`${result.errors} errors: ${kinds.map(([kind, count]) => `${count} ${kind}`).join(', ')}`)
  }
  const failed = Object.keys(totals.grpcStatus)
  if (failed.length > 0) reasons.push(`calls whose gRPC status is not 0: ${failed.join(', ')}`)
  const codes = Object.keys(result.status).filter((code) => !code.startsWith('2'))
  if (codes.length > 0) reasons.push(`answers that are not 2xx: ${codes.join(', ')}`)
  if (totals.bodyBytes.length > 1) {
    reasons.push(`answers of different length on different threads: ${totals.bodyBytes.join(', ')} bytes`)
  }
  return reasons
}

/** A run of few latencies' length has edges: what is outstanding at both ends, at most one mean latency's worth. */
function impossible({ littleRatio, latencyMs, durationS }: LoadResult): string[] {
  const reasons: string[] = []
  const edges = latencyMs.mean / 1000 / durationS
  if (Math.abs(littleRatio - 1) > littleTolerance + edges) {
    reasons.push(
      `Little's law is off: requests in the system over rate times latency is ${littleRatio.toFixed(2)}, not 1`,
    )
  }
  if (latencyMs.mean > latencyMs.p99)
    reasons.push('the mean latency exceeds the p99: a few answers took nearly all the time')
  return reasons
}

function generatorLimits(result: LoadResult, totals: Totals): string[] {
  const { offeredQps, achievedQps, generatorBusy } = result
  if (offeredQps === null) {
    if (generatorBusy < busyLimit) return []
    const busy = Math.round(generatorBusy * 100)
    return [
      `the generator's thread was ${busy} % busy: requests per second are the generator's limit; add --threads or compare CPU per request`,
    ]
  }
  const reasons: string[] = []
  const lateMs = totals.latenessUs.percentile(0.99) / 1000
  if (lateMs > latenessMsMax) {
    reasons.push(
      `the generator was late: p99 of sending after the intended start is ${lateMs.toFixed(1)} ms; add --threads or lower --rate`,
    )
  }
  if (achievedQps < achievedRatioMin * offeredQps) {
    const share = `${((achievedQps / offeredQps) * 100).toFixed(1)} % of the offered rate was achieved`
    const generatorHasNoRest = totals.idleRatio !== null && totals.idleRatio < idleRatioMin
    reasons.push(generatorHasNoRest ? `${share}, and the generator had no rest: add --threads or lower --rate` : share)
  }
  return reasons
}
