import { setTimeout as sleep } from 'node:timers/promises'
import type { DrainReport } from '@qps/http-contract'
import type { HttpServer } from './server.ts'

const pollMs = 5
/** The listener closes when no connection has come or gone for so long: who went may be about to come again. */
const quietMs = 25
/** Or after this, if that never happens. */
const quietLimitMs = 250

/**
 * Ends serving without losing a request. HTTP/1.1 has no way to tell an idle client to leave, so a client is told when it
 * asks. In order:
 *
 *     from the start    every answer says `Connection: close`
 *     for a grace       kept-alive clients may ask once more and be told; new connections are served
 *     then              requests wait while the backlog empties, the listener closes, the requests go on
 *     until the limit   what is at rest is closed, what is in flight is answered
 *     at the limit      the rest is cut, and counted as dropped
 */
export async function drain(server: HttpServer, limitMs: number): Promise<DrainReport> {
  const { clock, limits } = server
  const startMs = clock.nowMs()
  const endMs = startMs + limitMs
  const answeredBefore = server.answered
  server.draining = true
  const graceEndMs = Math.min(endMs, startMs + limits.drainGraceMs)
  while (server.connections > 0 && clock.nowMs() < graceEndMs) await sleep(pollMs)

  server.holding = true
  const quietEndMs = clock.nowMs() + quietLimitMs
  do await sleep(1)
  while (clock.nowMs() < Math.min(quietEndMs, server.changedAtMs + quietMs))
  await server.closeListeners()
  server.release()
  // Even where no time is left: what waited is begun, and what can be answered at once is.
  await sleep(1)

  while (server.connections > 0 && clock.nowMs() < endMs) {
    server.closeResting(limits.drainGraceMs)
    await sleep(pollMs)
  }
  const dropped = server.inFlight
  server.destroyAll()
  while (server.connections > 0 && clock.nowMs() < endMs + quietLimitMs) await sleep(1)
  return { completed: server.answered - answeredBefore, dropped, ms: Math.round(clock.nowMs() - startMs) }
}
