import { exponential, seededRandom } from '@qps/core'
import type { FaultArm } from './fault-arms.ts'
import type { OfferedCall } from './fault-report.ts'
import { type FaultPhase, type FaultTrace, patienceMs } from './fault-traces.ts'

/** How an answer comes: after so long, good or not. */
export interface Answer {
  latencyMs: number
  failed: boolean
}

/**
 * Plays a trace to a breaker, on a clock of its own: millisecond by millisecond, as fast as it goes. The same seed
 * offers the same calls to whatever breaker, and a call that is sent meets the dependency as it is at that instant.
 *
 * @returns every call, in the order of its instant.
 */
export async function replay(trace: FaultTrace, arm: FaultArm, seed: number): Promise<OfferedCall[]> {
  const arrivals = seededRandom(seed)
  const luck = seededRandom(seed + 1000)
  const endMs = trace.phases.reduce((sum, { durationS }) => sum + durationS * 1000, 0)
  const calls: OfferedCall[] = []
  const due = new Map<number, (() => void)[]>()
  let nextMs = exponential(arrivals, 1000 / trace.rateQps)
  for (let nowMs = 0; nowMs < endMs; nowMs++) {
    arm.advance(1)
    const answers = due.get(nowMs) ?? []
    due.delete(nowMs)
    for (const answer of answers) answer()
    for (; nextMs <= nowMs; nextMs += exponential(arrivals, 1000 / trace.rateQps)) {
      const draw = luck()
      const offered = answerAt(trace, nowMs, draw)
      const call: OfferedCall = { atMs: nowMs, wouldServe: isServed(offered), refused: false }
      calls.push(call)
      arm.offer({
        send: (settle) => {
          // Some libraries let a call wait until they know more: it is sent now, whenever it was offered.
          const sentMs = Math.max(nowMs, arm.nowMs())
          const answer = answerAt(trace, sentMs, draw)
          const at = Math.round(sentMs) + Math.max(1, Math.round(answer.latencyMs))
          const waiting = due.get(at)
          if (waiting) waiting.push(() => settle(answer))
          else due.set(at, [() => settle(answer)])
        },
        refuse: () => {
          call.refused = true
        },
      })
      answers.push(() => {})
    }
    if (answers.length > 0) await arm.settled()
  }
  return calls
}

function answerAt({ phases }: FaultTrace, atMs: number, draw: number): Answer {
  let startMs = 0
  let phase = phases[0] as FaultPhase
  for (phase of phases) {
    if (atMs < startMs + phase.durationS * 1000) break
    startMs += phase.durationS * 1000
  }
  const { errorRatio, durationS, latencyMs } = phase
  const [from, to] = typeof errorRatio === 'number' ? [errorRatio, errorRatio] : errorRatio
  const share = Math.min(1, (atMs - startMs) / (durationS * 1000))
  return { latencyMs, failed: draw < from + (to - from) * share }
}

function isServed({ failed, latencyMs }: Answer): boolean {
  return !failed && latencyMs <= patienceMs
}
