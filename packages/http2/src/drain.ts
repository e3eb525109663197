import type { Http2SecureServer, Http2Server } from 'node:http2'
import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '@qps/core'
import type { DrainReport } from '@qps/http-contract'
import type { SessionGuard } from './session-guard.ts'

const pollMs = 5
/** The listener closes when no connection has come or gone for so long, or after the limit. */
const quietMs = 25
const quietLimitMs = 250

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
  server: Http2Server | Http2SecureServer,
  guard: SessionGuard,
  clock: Clock,
  limitMs: number,
): Promise<DrainReport> {
  const startMs = clock.nowMs()
  const endMs = startMs + limitMs
  const answeredBefore = guard.answered
  guard.giveNotice()
  const listenerEndMs = Math.min(endMs, startMs + quietLimitMs)
  while (clock.nowMs() < Math.min(listenerEndMs, Math.max(startMs, guard.changedAtMs) + quietMs)) await sleep(1)
  // Not http2's own close, which would end every session.
  NetServer.prototype.close.call(server)
  guard.giveNotice()
  const graceEndMs = Math.min(endMs, startMs + guard.limits.drainGraceMs)
  while (guard.sessions > 0 && clock.nowMs() < graceEndMs) await sleep(pollMs)
  guard.closeSessions()
  while (guard.sessions > 0 && clock.nowMs() < endMs) await sleep(pollMs)
  const dropped = guard.inFlight
  guard.destroyAll()
  guard[Symbol.dispose]()
  return { completed: guard.answered - answeredBefore, dropped, ms: Math.round(clock.nowMs() - startMs) }
}
