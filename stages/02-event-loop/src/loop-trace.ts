import type { AdminRoute } from '@qps/http'
import type { Poller, TraceStep } from '@qps/netpoll'

/** Steps of one trace; a busy loop fills it within a millisecond or two. */
const stepsMax = 400
/** How long a quiet loop is watched. */
const watchMs = 2_000

const meaning: Record<TraceStep, (count: number) => string> = {
  wait: () => 'nothing to do: the loop sleeps in the kernel',
  wake: () => 'the kernel has news: the loop runs on',
  ready: (count) => `${count} results taken`,
  run: () => 'a handler runs',
  flush: (count) => `${count} connections have written`,
  submit: (count) => `${count} operations handed to the kernel`,
}

/**
 * `GET /trace` of the admin port: what the loop does from now on, step by step, with the time since the step before. It
 * ends after 400 steps or two seconds. Runs of the same step are one line.
 */
export class LoopTrace {
  readonly #poller: Poller

  constructor(poller: Poller) {
    this.#poller = poller
  }

  readonly page: AdminRoute = async () => {
    const steps = await this.#record()
    const lines = ['     µs  step    count', ...linesOf(steps)]
    return { contentType: 'text/plain; charset=utf-8', body: `${lines.join('\n')}\n` }
  }

  #record(): Promise<Recorded[]> {
    return new Promise((resolve) => {
      const steps: Recorded[] = []
      const end = (): void => {
        this.#poller.trace = undefined
        clearTimeout(timer)
        resolve(steps)
      }
      const timer = setTimeout(end, watchMs)
      this.#poller.trace = (step, count) => {
        steps.push({ step, count, atMs: performance.now() })
        if (steps.length === stepsMax) end()
      }
    })
  }
}

interface Recorded {
  step: TraceStep
  count: number
  atMs: number
}

function linesOf(steps: readonly Recorded[]): string[] {
  const lines: string[] = []
  let beforeMs = steps[0]?.atMs ?? 0
  for (let index = 0; index < steps.length; index++) {
    const { step, atMs } = steps[index]!
    let { count } = steps[index]!
    while (steps[index + 1]?.step === step) count += steps[++index]!.count
    const us = Math.round((atMs - beforeMs) * 1000)
    beforeMs = steps[index]!.atMs
    lines.push(`${String(us).padStart(7)}  ${step.padEnd(6)} ${String(count).padStart(6)}  ${meaning[step](count)}`)
  }
  return lines
}
