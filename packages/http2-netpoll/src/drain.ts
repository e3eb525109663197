import { setTimeout as sleep } from 'node:timers/promises'
import type { DrainReport } from '@qps/http-contract'
import type { Http2NetpollServer } from './server.ts'

const pollMs = 5
/** The listener closes when nobody has come or gone for so long, or after the limit. */
const quietMs = 25
const quietLimitMs = 250

/**
 * Ends serving without losing a request. In order:
 *
 *     first GOAWAY   with the largest stream id, "stop soon", and a PING. Requests on their way are answered.
 *     the listener   closes when nobody comes any more
 *     the PING       comes back: what a client had sent before it read the notice has arrived. `drainGraceMs` at most.
 *     second GOAWAY  names the last stream that is answered; whoever sent a later one knows that it may be repeated
 *     at the limit   what is left is cut; its requests are counted as dropped
 */
export async function drain(server: Http2NetpollServer, limitMs: number): Promise<DrainReport> {
  const { clock, limits, sessions } = server
  const startMs = clock.nowMs()
  const endMs = startMs + limitMs
  const answeredBefore = server.answered
  const told = new Set(sessions)
  for (const session of told) session.giveNotice()
  const quietEndMs = Math.min(endMs, startMs + quietLimitMs)
  while (clock.nowMs() < Math.min(quietEndMs, Math.max(startMs, server.changedAtMs) + quietMs)) await sleep(1)
  await server.closeListeners()
  for (const session of sessions) if (!told.has(session)) session.giveNotice()
  const graceEndMs = Math.min(endMs, startMs + limits.drainGraceMs)
  const isWaiting = (): boolean => [...sessions].some(({ hasNoticed, over }) => !hasNoticed && !over)
  while (isWaiting() && clock.nowMs() < graceEndMs) await sleep(1)
  for (const session of sessions) session.leave()
  while (sessions.size > 0 && clock.nowMs() < endMs) await sleep(pollMs)
  const dropped = server.inFlight
  server.destroyAll()
  while (sessions.size > 0) await sleep(1)
  return { completed: server.answered - answeredBefore, dropped, ms: Math.round(clock.nowMs() - startMs) }
}
