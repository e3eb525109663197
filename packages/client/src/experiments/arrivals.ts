import { type Clock, exponential, type Random, systemClock } from '@qps/core'

/**
 * Calls `send` at the instants of a Poisson process: independent users, who bunch up and leave gaps. An open loop: it never
 * waits for an answer. Where the process was late, what fell due is sent at once.
 *
 * @param rateQps mean arrivals per second. @param durationS how long. @param random draws the gaps.
 * @returns how many were sent, when the last has been.
 */
export function paceArrivals(
  rateQps: number,
  durationS: number,
  random: Random,
  send: () => void,
  clock: Clock = systemClock,
): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  // The clock's timers do not keep a process alive that has nothing else to do between two arrivals.
  const anchor = setInterval(() => {}, 0x7fff_ffff)
  const startMs = clock.nowMs()
  const endMs = durationS * 1000
  const drawGapMs = (): number => exponential(random, 1000 / rateQps)
  let dueMs = drawGapMs()
  let sent = 0
  const turn = (): void => {
    const elapsedMs = clock.nowMs() - startMs
    const untilMs = Math.min(elapsedMs, endMs)
    for (; dueMs <= untilMs; dueMs += drawGapMs()) {
      sent++
      send()
    }
    if (dueMs <= endMs) {
      clock.after(dueMs - elapsedMs, turn)
      return
    }
    clearInterval(anchor)
    resolve(sent)
  }
  turn()
  return promise
}
