import { type Clock, systemClock } from '@qps/core'

/**
 * A clock whose `nowMs` is the same in all threads of a process, and in all processes of a machine. That of
 * `performance` counts from the start of each thread.
 *
 * @param hrtimeNs monotonic nanoseconds with one origin for all: `hrtime.bigint` of `node:process`. Read once; from
 *   then on the clock is `clock` plus a constant.
 * @example createBreaker({ design: 'adaptive', shared: true, clock: commonClock(hrtime.bigint) })
 */
export function commonClock(hrtimeNs: () => bigint, clock: Clock = systemClock): Clock {
  const offsetMs = Number(hrtimeNs()) / 1e6 - clock.nowMs()
  return {
    nowMs: () => clock.nowMs() + offsetMs,
    wallMs: () => clock.wallMs(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
    every: (periodMs, callback) => clock.every(periodMs, callback),
  }
}
