import type { Parts } from './base-breaker.ts'
import type { Breaker } from './breaker.ts'
import { header, memoryBytes } from './cells.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { AdaptiveRule } from './designs/adaptive.ts'
import { FixedRule } from './designs/fixed.ts'
import { GoogleBreaker } from './designs/google.ts'
import { clockError } from './errors.ts'
import type { BreakerHandle } from './handle.ts'
import { Latencies } from './latencies.ts'
import {
  type AdaptivePlan,
  type BreakerHooks,
  type BreakerOptions,
  type BreakerPlan,
  type FixedPlan,
  type GooglePlan,
  type Hooks,
  planBreaker,
  planHooks,
} from './options.ts'
import { SlidingWindow } from './sliding-window.ts'
import { firstWord } from './state-word.ts'

/**
 * A breaker of the design that the options name, closed. Its memory is allocated here and never grows.
 *
 * @throws QpsError QPS_OPTION for an option out of its range.
 * @example
 * const breaker = createBreaker({ design: 'adaptive', name: 'stock' })
 * const ticket = breaker.tryAcquire()
 * if (ticket !== 0) breaker.success(ticket, 12)
 */
export function createBreaker(options: BreakerOptions): Breaker {
  return makeBreaker(planBreaker(options), planHooks(options))
}

/** As {@link createBreaker}, where the options have been checked. */
export function makeBreaker(plan: BreakerPlan, hooks: Hooks): Breaker {
  const bytes = memoryBytes(plan)
  const cells = new Int32Array(plan.shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
  cells[header.state] = firstWord
  return breakerOf({ plan, hooks, cells, originMs: hooks.clock.nowMs() })
}

/**
 * The breaker that a handle is of, for this thread: counts, state and places for probes are those of all threads. What
 * `onChange` is told is what this thread has found out.
 *
 * @param hooks `clock` must be that of the others, see `commonClock`.
 * @throws QpsError QPS_BREAKER_CLOCK where the clock runs behind theirs; QPS_OPTION where a hook is no function.
 */
export function attachBreaker({ plan, memory, originMs, sharedMs }: BreakerHandle, hooks: BreakerHooks = {}): Breaker {
  const planned = planHooks(hooks)
  const nowMs = planned.clock.nowMs()
  if (nowMs < sharedMs) throw clockError(plan.name, nowMs, sharedMs)
  return breakerOf({ plan, hooks: planned, cells: new Int32Array(memory), originMs })
}

function breakerOf(parts: Parts): Breaker {
  const { plan, hooks, cells, originMs } = parts
  const window = new SlidingWindow(cells, plan, originMs, hooks.clock)
  switch (plan.design) {
    case 'fixed':
      return new CircuitBreaker(parts as Parts<FixedPlan>, window, new FixedRule(window, plan))
    case 'google':
      return new GoogleBreaker(parts as Parts<GooglePlan>, window)
    case 'adaptive': {
      const rule = new AdaptiveRule(window, new Latencies(cells, plan, originMs), plan)
      return new CircuitBreaker(parts as Parts<AdaptivePlan>, window, rule)
    }
  }
}
