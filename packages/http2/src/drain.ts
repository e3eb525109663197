import type { Http2SecureServer, Http2Server } from 'node:http2'
import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '@qps/core'
import type { ConnectionSource, DrainReport } from '@qps/http-contract'
import type { SessionGuard } from './session-guard.ts'

const pollMs = 5
/** The listener closes when no connection has come or gone for so long, or after the limit. */
const quietMs = 25
const quietLimitMs = 250

export interface DrainOptions {
  /** Where connections come from, if the server does not listen itself: closed by another server, which this one waits for. */
  source: ConnectionSource | undefined
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
  server: Http2Server | Http2SecureServer,
  guard: SessionGuard,
  { source, clock, limitMs }: DrainOptions,
): Promise<DrainReport> {
  const startMs = clock.nowMs()
  const endMs = startMs + limitMs
  const answeredBefore = guard.answered
  guard.giveNotice()
  if (source === undefined) await closeWhenQuiet(server, guard, clock, Math.min(endMs, startMs + quietLimitMs))
  else while (source.listening && clock.nowMs() < endMs) await sleep(pollMs)
  guard.giveNotice()
  // Whoever came while the source was open has just been told, or is still to come.
  const toldMs = source === undefined ? 0 : clock.nowMs() + quietLimitMs
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
