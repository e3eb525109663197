import { once } from 'node:events'
import { siblingModule } from '@qps/core'
import type { HelperCommand, HelperMessage } from './generate.ts'
import { type Helper, startHelper } from './helper.ts'
import { type LoadOptions, type LoadPlan, type LoadProgress, planLoad } from './options.ts'
import { reach } from './reach.ts'
import { type LoadResult, resultOf } from './result.ts'
import type { ThreadReport, ThreadShare } from './thread.ts'
import type { TransportTarget } from './transport.ts'

/**
 * Loads a URL from worker threads of this process, or over HTTP/3 from processes of its own, and measures the answers.
 *
 * Without `rateQps` a closed loop: every connection keeps `pipeline` requests outstanding. With it an open loop: requests
 * arrive at a constant spacing, and a latency counts from the intended start, so that a stall is seen by all who would have
 * met it (no coordinated omission). Every answer's status and length are checked; errors are counted by kind and never
 * enter the latencies. Blocks nothing here: the calling thread only collects. Takes warm-up and duration, then at most
 * `timeoutS` for what is outstanding, and closes all that it opened.
 *
 * @param options see {@link LoadOptions}: units, ranges and defaults stand there.
 * @returns the figures, with `valid` false and `reasons` where they must not be used. A server that answers wrongly, or
 *   stops, is a result and not an exception.
 * @throws QpsError QPS_OPTION for an option out of its range; QPS_UNREACHABLE where nobody listens at the start.
 *
 * @example
 * const result = await runLoad({ url: 'http://127.0.0.1:8080/', connections: 64, durationS: 5 })
 * console.log(result.achievedQps, result.latencyMs.p99, result.valid)
 *
 * Sources: Gil Tene, How NOT to Measure Latency (2013), on coordinated omission; Schroeder, Wierman and Harchol-Balter,
 * Open Versus Closed: A Cautionary Tale (NSDI 2006).
 */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const plan = planLoad(options)
  const target = await reach(plan)
  await using team = new Team(plan, target, options.onProgress)
  const abort = (): void => team.abort()
  options.signal?.addEventListener('abort', abort)
  try {
    await team.ready
    if (options.signal?.aborted) abort()
    else team.begin()
    return resultOf(plan, await team.reports)
  } finally {
    options.signal?.removeEventListener('abort', abort)
  }
}

/** The helpers of one run. */
class Team implements AsyncDisposable {
  readonly ready: Promise<unknown>
  readonly reports: Promise<ThreadReport[]>
  readonly #helpers: Helper[]
  readonly #counts: { requests: number; errors: number }[]
  readonly #onProgress: ((progress: LoadProgress) => void) | undefined
  #beganMs = 0
  #reported = { atMs: 0, requests: 0 }

  constructor(plan: LoadPlan, target: TransportTarget, onProgress: LoadOptions['onProgress']) {
    this.#onProgress = onProgress
    const shares = sharesOf(plan, target)
    this.#counts = shares.map(() => ({ requests: 0, errors: 0 }))
    this.#helpers = shares.map((share) => startHelper({ share, transport: transportModule(plan.transport) }))
    const outcomes = this.#helpers.map((helper, index) => this.#follow(helper, index))
    this.ready = Promise.all(outcomes.map((outcome) => outcome.ready))
    this.reports = Promise.all(outcomes.map((outcome) => outcome.report))
    // Whichever of the two is awaited first tells of a failure; the other must not be reported as unhandled.
    this.ready.catch(() => {})
    this.reports.catch(() => {})
  }

  begin(): void {
    this.#beganMs = performance.now()
    this.#reported.atMs = this.#beganMs
    this.#command('begin')
  }

  /** Reports follow, of what was measured until now. */
  abort(): void {
    this.#command('abort')
  }

  #command(command: HelperCommand): void {
    for (const helper of this.#helpers) helper.send(command)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const helper of this.#helpers) helper.dismiss()
    await Promise.all(this.#helpers.map((helper) => endOf(helper)))
  }

  #follow({ events }: Helper, index: number): { ready: Promise<void>; report: Promise<ThreadReport> } {
    const ready = Promise.withResolvers<void>()
    const report = Promise.withResolvers<ThreadReport>()
    const fail = (error: Error): void => {
      ready.reject(error)
      report.reject(error)
    }
    events.on('message', (message: HelperMessage) => {
      if (message.type === 'ready') ready.resolve()
      else if (message.type === 'progress') this.#progress(index, message)
      else if (message.type === 'report') report.resolve(message.report)
      else fail(new Error(`a generating thread failed: ${message.message}`))
    })
    events.once('error', fail)
    events.once('exit', (code, by) => fail(new Error(`a generating thread ended with ${code ?? by} before its report`)))
    return { ready: ready.promise, report: report.promise }
  }

  /** Reports when the first thread does: the others' counts are at most one period old. */
  #progress(index: number, counts: { requests: number; errors: number }): void {
    this.#counts[index] = counts
    if (index !== 0 || this.#onProgress === undefined) return
    const nowMs = performance.now()
    const requests = this.#counts.reduce((sum, count) => sum + count.requests, 0)
    const errors = this.#counts.reduce((sum, count) => sum + count.errors, 0)
    const qps = ((requests - this.#reported.requests) / (nowMs - this.#reported.atMs)) * 1000
    this.#reported = { atMs: nowMs, requests }
    this.#onProgress({ elapsedS: (nowMs - this.#beganMs) / 1000, requests, errors, qps })
  }
}

/** Helpers that have not ended within this time are cut off. */
const endGraceMs = 2000

/** Resolves when the helper is gone. */
async function endOf(helper: Helper): Promise<void> {
  if (helper.hasEnded) return
  const timer = setTimeout(() => helper.cutOff(), endGraceMs)
  await once(helper.events, 'exit')
  clearTimeout(timer)
}

const ownTransports: readonly string[] = ['netpoll', 'net', 'tls', 'quic']

function transportModule(transport: string): string {
  if (!ownTransports.includes(transport)) return transport
  return siblingModule(import.meta.url, `./${transport}-transport`).href
}

/** Connections and rate in parts that differ by one connection at most; arrivals of the threads take turns. */
function sharesOf(plan: LoadPlan, target: TransportTarget): ThreadShare[] {
  const { threads, connections, rateQps } = plan
  return Array.from({ length: threads }, (_, index) => ({
    plan,
    target,
    connections: Math.floor(connections / threads) + (index < connections % threads ? 1 : 0),
    rateQps: rateQps === null ? null : rateQps / threads,
    phaseMs: rateQps === null ? 0 : (1000 / rateQps) * index,
  }))
}
