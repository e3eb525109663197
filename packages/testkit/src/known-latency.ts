import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { siblingModule } from '@qps/core'

/** How long the server takes, as a law that can be computed. */
export type LatencyLaw =
  /** Every answer after the same delay. */
  | { kind: 'constant'; delayMs: number }
  /** One of two delays, drawn with a seed: `slowRatio` (0..1) of the answers are slow. */
  | { kind: 'bimodal'; fastMs: number; slowMs: number; slowRatio: number; seed: number }
  /** A constant delay, but nothing is answered for `stallMs`, beginning `stallAfterMs` after the first request. */
  | { kind: 'stall'; delayMs: number; stallAfterMs: number; stallMs: number }

/** A server whose latency distribution is known: the yardstick for everything that measures latency. */
export interface KnownLatencyServer extends AsyncDisposable {
  url: string
  port: number
  /**
   * How far behind the law the server itself was since the last question: its p99 in milliseconds. Large where something
   * else took its core; what a client measured meanwhile says nothing about the client.
   */
  lateMs(): Promise<number>
  stop(): Promise<void>
}

/**
 * Starts the server in a process of its own, on a free port of the loopback interface. It sleeps while the next
 * answer is milliseconds away and spins when it is near, so that it answers within microseconds of the instant when it is due.
 * It understands requests without a body, pipelined ones too; where delays differ (`bimodal`), keep one outstanding per
 * connection, for answers leave in the order in which they fall due.
 *
 * @example
 * await using server = await startKnownLatency({ kind: 'constant', delayMs: 2 })
 * const expected = knownLatencyMs({ kind: 'constant', delayMs: 2 }, 0.99, 5)
 */
export async function startKnownLatency(law: LatencyLaw): Promise<KnownLatencyServer> {
  const child = fork(fileURLToPath(siblingModule(import.meta.url, './known-latency-server')), [JSON.stringify(law)], {
    // A young generation of 32 MiB: waiting leaves garbage behind, and a scavenge is an answer that comes late.
    execArgv: ['--min-semi-space-size=32', ...(import.meta.url.endsWith('.ts') ? ['--conditions=@qps/source'] : [])],
  })
  const [port] = (await once(child, 'message')) as [number]
  const lateMs = async (): Promise<number> => {
    const answered = once(child, 'message')
    child.send('late?')
    const [late] = (await answered) as [number]
    return late
  }
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  return { url: `http://127.0.0.1:${port}/`, port, lateMs, stop, [Symbol.asyncDispose]: stop }
}

/**
 * The percentile that a client must see which spreads its requests evenly over `durationS` and counts from the intended
 * start. The way there and back, some tens of microseconds, is not in it.
 *
 * During a stall of S within a run of T, answers due in it wait for its end: a share S/T of all requests has latencies
 * spread evenly from the delay to the delay plus S, and the rest has the delay.
 *
 * @param ratio 0..1
 */
export function knownLatencyMs(law: LatencyLaw, ratio: number, durationS: number): number {
  if (law.kind === 'constant') return law.delayMs
  if (law.kind === 'bimodal') return ratio <= 1 - law.slowRatio ? law.fastMs : law.slowMs
  const share = law.stallMs / (durationS * 1000)
  return law.delayMs + law.stallMs * Math.max(0, (ratio - (1 - share)) / share)
}
