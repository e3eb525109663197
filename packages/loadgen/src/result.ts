import { Histogram, littleRatio } from '@qps/stats'
import type { LoadPlan } from './options.ts'
import { type ErrorCounts, type ErrorKind, errorKindsOf } from './recorder.ts'
import type { ThreadReport } from './thread.ts'
import { reasonsAgainst } from './validity.ts'

/** What a run found. The same object is the line that `npm run load --json` prints. */
export interface LoadResult {
  event: 'load'
  url: string
  protocol: 'h1' | 'h2' | 'h3' | 'grpc'
  /** Seconds measured: as asked for, less where the run ended early. */
  durationS: number
  connections: number
  pipeline: number
  threads: number
  /** What moved the bytes: `io_uring`, `epoll`, `libuv`, `node:net`, `node:tls`, `quiche`, or another transport's name. */
  transport: string
  /** Requests per second asked for in an open loop; null in a closed one. */
  offeredQps: number | null
  /** Correct answers within the measured time, per second. */
  achievedQps: number
  /** Correct answers whose latency was recorded. */
  requests: number
  errors: number
  /** Every kind that the protocol can have, 0 included. */
  errorsByKind: ErrorCounts
  /** Answers by status code. */
  status: Record<string, number>
  /** gRPC only: calls by their status; 0 is OK. */
  grpcStatus?: Record<string, number>
  /** From the intended start to the whole answer; percentiles at most 0.1 % too high. */
  latencyMs: { mean: number; p50: number; p90: number; p99: number; p999: number; max: number }
  /** CPU time of all generating threads per answer, in microseconds. In an open loop it includes the waiting. */
  generatorCpuUsPerRequest: number
  /** The share of its time that the busiest generating thread was on a core, 0..1. In an open loop it waits by spinning. */
  generatorBusy: number
  /** Little's law: requests in the system over rate times mean latency. 1 is perfect; 0 where nothing was measured. */
  littleRatio: number
  /** False where the figures must not be used; `reasons` says why. */
  valid: boolean
  reasons: string[]
}

/** All threads' reports as one. */
export interface Totals {
  latencyUs: Histogram
  latenessUs: Histogram
  status: Record<string, number>
  grpcStatus: Record<string, number>
  errorsByKind: ErrorCounts
  windowMs: number
  answeredInWindow: number
  cpuUsPerRequest: number
  busiest: number
  /** Null in a closed loop. */
  meanInSystem: number | null
  /** Of the thread with the least rest; null in a closed loop. */
  idleRatio: number | null
  /** The fewest streams in flight that a server allowed on a connection; Infinity where none said. */
  streamsMax: number
  /** The different lengths that threads took for the right one. */
  bodyBytes: number[]
  stoppedAfterMs: number | null
  aborted: boolean
}

/** Makes the result of a run from what its threads saw. */
export function resultOf(plan: LoadPlan, reports: readonly ThreadReport[]): LoadResult {
  const { protocol } = plan.message
  const totals = totalsOf(reports, errorKindsOf[protocol])
  // Instants are fractions of milliseconds; their difference is rounded to the microsecond that is meant.
  const seconds = Math.round(totals.windowMs * 1000) / 1e6
  const achievedQps = seconds > 0 ? totals.answeredInWindow / seconds : 0
  const latency = totals.latencyUs
  const percentileMs = (ratio: number): number => latency.percentile(ratio) / 1000
  const concurrency = totals.meanInSystem ?? plan.connections * Math.min(plan.pipeline, totals.streamsMax)
  const result: LoadResult = {
    event: 'load',
    url: plan.url,
    protocol,
    durationS: seconds,
    connections: plan.connections,
    pipeline: plan.pipeline,
    threads: plan.threads,
    transport: [...new Set(reports.map((report) => report.transport))].join(', '),
    offeredQps: plan.rateQps,
    achievedQps,
    requests: latency.count,
    errors: Object.values(totals.errorsByKind).reduce((sum, count) => sum + count, 0),
    errorsByKind: totals.errorsByKind,
    status: totals.status,
    ...(protocol === 'grpc' && {
      grpcStatus: { ...(latency.count > 0 && { 0: latency.count }), ...totals.grpcStatus },
    }),
    latencyMs: {
      mean: latency.mean / 1000,
      p50: percentileMs(0.5),
      p90: percentileMs(0.9),
      p99: percentileMs(0.99),
      p999: percentileMs(0.999),
      max: latency.max / 1000,
    },
    generatorCpuUsPerRequest: totals.cpuUsPerRequest,
    generatorBusy: totals.busiest,
    littleRatio:
      achievedQps > 0 && latency.mean > 0
        ? littleRatio({ meanLatencyMs: latency.mean / 1000, achievedQps, concurrency })
        : 0,
    valid: true,
    reasons: [],
  }
  const reasons = reasonsAgainst(result, totals)
  return { ...result, valid: reasons.length === 0, reasons }
}

function totalsOf(reports: readonly ThreadReport[], kinds: readonly ErrorKind[]): Totals {
  const latencyUs = new Histogram()
  const latenessUs = new Histogram()
  const status: Record<string, number> = {}
  const grpcStatus: Record<string, number> = {}
  for (const report of reports) {
    latencyUs.merge(Histogram.fromJSON(report.latencyUs))
    latenessUs.merge(Histogram.fromJSON(report.latenessUs))
    addTo(status, report.status)
    addTo(grpcStatus, report.grpcStatus)
  }
  const sum = (of: (report: ThreadReport) => number): number => reports.reduce((total, report) => total + of(report), 0)
  const most = (of: (report: ThreadReport) => number): number => Math.max(...reports.map(of))
  const isOpen = reports.every((report) => report.idleRatio !== null)
  const stopped = reports.map((report) => report.stoppedAfterMs).filter((afterMs) => afterMs !== null)
  const answered = sum((report) => report.cpu.answered)
  return {
    latencyUs,
    latenessUs,
    status,
    grpcStatus,
    errorsByKind: Object.fromEntries(kinds.map((kind) => [kind, sum(({ errors }) => errors[kind])])) as ErrorCounts,
    windowMs: most((report) => report.windowMs),
    answeredInWindow: sum((report) => report.answeredInWindow),
    cpuUsPerRequest: answered > 0 ? sum((report) => report.cpu.us) / answered : 0,
    busiest: most(({ cpu }) => (cpu.elapsedMs > 0 ? Math.min(1, cpu.us / 1000 / cpu.elapsedMs) : 0)),
    meanInSystem: isOpen ? sum((report) => report.meanInSystem ?? 0) : null,
    idleRatio: isOpen ? Math.min(...reports.map((report) => report.idleRatio ?? 1)) : null,
    streamsMax: Math.min(...reports.map((report) => report.streamsMax)),
    bodyBytes: [...new Set(reports.map((report) => report.bodyBytes).filter((bytes) => bytes !== -1))],
    stoppedAfterMs: stopped.length === reports.length ? Math.max(...stopped) : null,
    aborted: reports.some((report) => report.aborted),
  }
}

function addTo(sums: Record<string, number>, counts: Record<string, number>): void {
  for (const [code, count] of Object.entries(counts)) sums[code] = (sums[code] ?? 0) + count
}
