import { setTimeout as sleep } from 'node:timers/promises'
import type { DrainReport } from '@qps/http-contract'
import type { HttpServer } from './server.ts'

const pollMs = 5
/** The listener closes when no connection has come or gone for so long: who went may be about to come again. */
const quietMs = 25
/** Or after this, if that never happens. */
const quietLimitMs = 250
/** What is written leaves at the end of its turn. A client that has not taken it after this is slow. */
const handOverMs = 50

/**
 * Ends serving without losing a request. HTTP/1.1 has no way to tell an idle client to leave, so a client is told when it
 * asks. In order:
 *
 *     from the start    every answer says `Connection: close`
 *     for a grace       kept-alive clients may ask once more and be told; new connections are served
 *     then              requests wait while the backlog empties, the listener closes, the requests go on
 *     until the limit   what is at rest is closed, what is in flight is answered
 *     at the limit      answers that are written get a moment to leave; the rest is cut, and counted as dropped
 *
 * The limit is passed by that moment, and by the one in which the backlog empties. With a limit of 0, too, what waited is
 * begun, and what is answered at once arrives. A drop is a request that is not answered, or an answer that its client has
 * not taken: one per connection.
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
  const cutMs = clock.nowMs() + handOverMs
  while (server.unsent > 0 && clock.nowMs() < cutMs) await sleep(1)
  const { answered, inFlight, unsent } = server
  server.destroyAll()
  const goneMs = clock.nowMs() + quietLimitMs
  while (server.connections > 0 && clock.nowMs() < goneMs) await sleep(1)
  return {
    // Rather too few than too many: some of those that are cut may have been answered before the drain began.
    completed: Math.max(0, answered - answeredBefore - unsent),
    dropped: inFlight + unsent,
    ms: Math.round(clock.nowMs() - startMs),
  }
}
