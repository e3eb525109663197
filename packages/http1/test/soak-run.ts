import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LoadResult, runLoadProcess } from '@qps/loadgen'
import type { Backend } from '@qps/netpoll'
import { Churn } from './soak-churn.ts'
import type { SoakReport } from './soak-server.ts'

export interface SoakOptions {
  backend: Backend
  durationS: number
  /** Seconds between two reports of the server. */
  intervalS: number
  onSample?: (sample: SoakSample) => void
}

export interface SoakSample extends SoakReport {
  atS: number
}

export interface SoakResult {
  /** The rate that was offered: six tenths of what was measured at the start. */
  rateQps: number
  load: LoadResult
  /** Clients that came and vanished beside the load. */
  churned: number
  samples: SoakSample[]
  /** Why it failed; empty where it did not. */
  failures: string[]
}

const connections = 64
const loadShare = 0.6
const churnEveryMs = 5
/** Over the second half of the run, memory may grow by this, and by this share of itself: the noise of allocators. */
const growthBytesMax = 8 * 1024 * 1024
const growthRatioMax = 0.05

/** Loads a server of its own process for long and looks at what it holds. */
export async function soak({ backend, durationS, intervalS, onSample }: SoakOptions): Promise<SoakResult> {
  const entry = fileURLToPath(new URL('soak-server.ts', import.meta.url))
  const server = fork(entry, [backend], { execArgv: ['--conditions=@qps/source', '--expose-gc'] })
  try {
    const [port] = (await once(server, 'message')) as [number]
    const url = `http://127.0.0.1:${port}/`
    const options = { url, connections, lengthVaries: true }
    const { achievedQps } = await runLoadProcess({ ...options, durationS: Math.min(5, durationS / 4) })
    const rateQps = Math.max(1, Math.round(loadShare * achievedQps))
    const ask = async (): Promise<SoakReport> => {
      const answer = once(server, 'message', { signal: AbortSignal.timeout(30_000) })
      server.send('report')
      return ((await answer) as [SoakReport])[0]
    }
    const before = await ask()
    const churn = new Churn(port, churnEveryMs)
    const samples: SoakSample[] = []
    const startMs = performance.now()
    const over = new AbortController()
    const watch = async (): Promise<void> => {
      while (!over.signal.aborted) {
        await sleep(intervalS * 1_000)
        const sample = { ...(await ask()), atS: Math.round((performance.now() - startMs) / 100) / 10 }
        samples.push(sample)
        onSample?.(sample)
      }
    }
    const watching = watch()
    const load = await runLoadProcess({ ...options, durationS, rateQps }).finally(() => {
      over.abort()
      churn.stop()
    })
    await watching
    await sleep(200)
    const after = await ask()
    const failures = judge(load, samples, before, after)
    if (churn.unanswered > 0) failures.push(`${churn.unanswered} clients beside the load got no answer`)
    return { rateQps, load, churned: churn.count, samples, failures }
  } finally {
    server.kill('SIGKILL')
  }
}

function judge(load: LoadResult, samples: SoakSample[], before: SoakReport, after: SoakReport): string[] {
  const failures: string[] = []
  for (const [kind, count] of Object.entries(load.errorsByKind)) {
    // Unsent is what the generator did not come to do: the machine was short of time, not the server wrong.
    if (count > 0 && kind !== 'unsent') failures.push(`${count} requests ended with ${kind}`)
  }
  const half = samples.slice(Math.floor(samples.length / 2))
  for (const name of ['nativeBytes', 'heapBytes', 'externalBytes'] as const) {
    const growth = growthOf(half.map((sample) => [sample.atS, sample[name]]))
    const allowed = Math.max(growthBytesMax, growthRatioMax * half[0]![name])
    if (growth > allowed) failures.push(`${name} grew by ${Math.round(growth / 1024)} KiB in the second half`)
  }
  if (after.descriptors > before.descriptors) {
    failures.push(`${after.descriptors - before.descriptors} descriptors more than before`)
  }
  if (after.stats.open > 0) failures.push(`${after.stats.open} connections are still open`)
  return failures
}

/** By how much a line through the points (least squares) rises from the first to the last. */
export function growthOf(points: readonly (readonly [x: number, y: number])[]): number {
  const count = points.length
  if (count < 2) return 0
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  const below = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return below === 0 ? 0 : (above / below) * (points[count - 1]![0] - points[0]![0])
}
