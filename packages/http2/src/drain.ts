import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '@qps/core'
import type { DrainReport } from '@qps/http-contract'
import type { SessionGuard } from './session-guard.ts'

const pollMs = 5
/** The listener closes when no connection has come or gone for so long, or after the limit. */
const quietMs = 25
const quietLimitMs = 250

export interface DrainOptions {
  /** Where connections come from. */
  listener: NetServer
  /** Whether somebody else closes the listener: a server of another protocol, which has a better reason to wait. */
  shared: boolean
  clock: Clock
  /** What is left after this is cut. Milliseconds. */
  limitMs: number
}

/**
 * Ends serving without losing a request. HTTP/2 can say what HTTP/1.1 cannot: "no more, and this is the last one that I
 * will answer". Said at once it would race with requests on their way, so it is said twice:
 *
 *     first GOAWAY   "stop soon". Requests on their way are answered.
 *     the listener   closes when nobody comes any more
 *     a grace        `drainGraceMs`, for the frame to arrive and for clients to go elsewhere
 *     second GOAWAY  names the last stream that is answered; whoever sent a later one knows that it may be repeated
 *     at the limit   what is left is destroyed; its requests are counted as dropped
 */
export async function drain(
  guard: SessionGuard,
  { listener, shared, clock, limitMs }: DrainOptions,
): Promise<DrainReport> {
  const startMs = clock.nowMs()
  const endMs = startMs + limitMs
  const answeredBefore = guard.answered
  guard.giveNotice()
  if (shared) while (listener.listening && clock.nowMs() < endMs) await sleep(pollMs)
  else await closeWhenQuiet(listener, guard, clock, Math.min(endMs, startMs + quietLimitMs))
  guard.giveNotice()
  // Whoever came while a shared listener stayed open has just been told.
  const toldMs = shared ? clock.nowMs() + quietLimitMs : 0
  const graceEndMs = Math.min(endMs, Math.max(startMs + guard.limits.drainGraceMs, toldMs))
  while (guard.sessions > 0 && clock.nowMs() < graceEndMs) await sleep(pollMs)
  guard.closeSessions()
  while (guard.sessions > 0 && clock.nowMs() < endMs) await sleep(pollMs)
  const dropped = guard.inFlight
  guard.destroyAll()
  guard[Symbol.dispose]()
  return { completed: guard.answered - answeredBefore, dropped, ms: Math.round(clock.nowMs() - startMs) }
}

async function closeWhenQuiet(listener: NetServer, guard: SessionGuard, clock: Clock, endMs: number): Promise<void> {
  const startMs = clock.nowMs()
  while (clock.nowMs() < Math.min(endMs, Math.max(startMs, guard.changedAtMs) + quietMs)) await sleep(1)
  // Not http2's own close, which would end every session.
  NetServer.prototype.close.call(listener)
}
