import type { Clock } from '@qps/core'
import type { Bell } from './bell.ts'
import { timeoutError } from './errors.ts'

/** A wait that blocks its thread. */
export interface BlockingWait {
  bell: Bell
  /** Whether an attempt may succeed: looks, and changes nothing. */
  ready: () => boolean
  /** True where the wait is over. */
  attempt: () => boolean
  /** Looks before the thread sleeps. */
  spins: number
  clock: Clock
  /** Infinity: without end. */
  timeoutMs: number
  /** What went on for all of the time, if it is over. */
  what: string
}

/**
 * Blocks the thread until an attempt succeeds or throws: looks a few times, because to sleep and be woken costs far more than
 * what the other side usually needs, and then sleeps from ring to ring.
 *
 * @throws QpsError QPS_CHANNEL_TIMEOUT
 */
export function blockUntil({ bell, ready, attempt, spins, clock, timeoutMs, what }: BlockingWait): void {
  for (let spin = 0; spin < spins; spin++) {
    if (ready() && attempt()) return
    pause()
  }
  const deadlineMs = clock.nowMs() + timeoutMs
  for (let leftMs = timeoutMs; ; leftMs = deadlineMs - clock.nowMs()) {
    const { epoch } = bell
    bell.register()
    if (attempt()) return
    if (leftMs <= 0) throw timeoutError(what, timeoutMs)
    bell.sleep(epoch, leftMs)
  }
}

/** Tells the processor that this is a loop which waits, where V8 knows how to (ECMAScript 2026). */
const pause: () => void = (Atomics as { pause?: () => void }).pause ?? (() => {})
