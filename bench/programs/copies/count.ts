import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { siblingModule, sourceFlags } from '@qps/core'
import { runLoad } from '@qps/loadgen'
import { CopyCounter } from './copy-counter.ts'
import { countSystemCalls, type SystemCalls } from './system-calls.ts'

export interface CountOptions {
  kind: string
  /** Of the answer's content. */
  bytes: number
  connections: number
  /** Unmeasured load, so that compilers are done, who copy as well. */
  warmupS: number
  /** Measured load: half of it for the copies, half for the system calls, which make everything slower. */
  seconds: number
  /** Called when the warm-up is over. */
  onMeasuring?: () => void
}

export interface Counted {
  requests: number
  errors: number
  elapsedS: number
  /** Why something is not counted here. */
  missing: readonly string[]
  /** Per request; absent where it is not counted here, or no request was completed. */
  copies?: number
  copiedBytes?: number
  systemCalls?: SystemCalls
  /** Share of the zero-copy sends that the kernel copied after all; absent where there were none. */
  copiedAfterAll?: number
}

/** For a server to start, and to end. */
const patienceMs = 10_000

/** Counts copies and system calls of a server that answers with so many bytes, in a process of its own. */
export async function countPerRequest(options: CountOptions): Promise<Counted> {
  const missing: string[] = []
  const note = (error: unknown): undefined => {
    missing.push((error as Error).message.split('\n', 1)[0]!)
    return undefined
  }
  using counter = await CopyCounter.create(options.bytes).catch(note)
  const { child, url, protocol, stop } = await startServer(options, counter?.environment ?? {})
  try {
    const load = async (durationS: number): Promise<{ requests: number; errors: number }> =>
      runLoad({ url, protocol, connections: options.connections, durationS, threads: 1 })
    const warmup = await load(options.warmupS)
    options.onMeasuring?.()
    const startMs = performance.now()
    const before = counter?.read()
    const first = await load(options.seconds / 2)
    const after = counter?.read()
    let second = { requests: 0, errors: 0 }
    const calls = await countSystemCalls(child.pid!, async () => {
      second = await load(options.seconds / 2)
    }).catch(note)
    const elapsedS = (performance.now() - startMs) / 1000
    const { notifications = 0, copiedAfterAll = 0 } = await stop()
    return {
      requests: first.requests + second.requests,
      errors: warmup.errors + first.errors + second.errors,
      elapsedS,
      missing,
      ...(before &&
        after &&
        first.requests > 0 && {
          copies: (after.copies - before.copies) / first.requests,
          copiedBytes: (after.bytes - before.bytes) / first.requests,
        }),
      ...(calls && second.requests > 0 && { systemCalls: perRequest(calls, second.requests) }),
      ...(notifications > 0 && { copiedAfterAll: copiedAfterAll / notifications }),
    }
  } finally {
    child.kill('SIGKILL')
  }
}

/** Of all names together. */
export function total(calls: SystemCalls): number {
  return Object.values(calls).reduce((sum, count) => sum + count, 0)
}

function perRequest(calls: SystemCalls, requests: number): SystemCalls {
  return Object.fromEntries(Object.entries(calls).map(([name, count]) => [name, count / requests]))
}

/** Where the answer is, by protocol. */
const paths = { h1: '/', h2: '/', grpc: '/qps.v1.Workload/Status' }

interface RunningServer {
  child: ChildProcess
  url: string
  protocol: keyof typeof paths
  /** Ends it. @returns what it says at its end. */
  stop(): Promise<{ notifications?: number; copiedAfterAll?: number }>
}

async function startServer(
  { kind, bytes }: CountOptions,
  environment: Readonly<Record<string, string>>,
): Promise<RunningServer> {
  const program = fileURLToPath(siblingModule(import.meta.url, '../copies-server'))
  const words = [...sourceFlags(import.meta.url), program, '--kind', kind, '--bytes', String(bytes)]
  const child = spawn(process.execPath, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  const lines = createInterface({ input: child.stdout })
  const event = async (): Promise<unknown> => {
    const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(patienceMs) })) as [string]
    return JSON.parse(line)
  }
  try {
    const { url, endpoints } = (await event()) as { url: string; endpoints: Record<string, string> }
    const protocol = endpoints['grpc'] ? 'grpc' : endpoints['h2'] ? 'h2' : 'h1'
    const stop = (): Promise<object> => {
      child.kill('SIGTERM')
      return event() as Promise<object>
    }
    return { child, url: new URL(paths[protocol], url).href, protocol, stop }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}
