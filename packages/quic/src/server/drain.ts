import { setTimeout as sleep } from 'node:timers/promises'
import type { DrainReport } from '@qps/http-contract'
import type { Http3Server } from './http3-server.ts'

const pollMs = 5
/** How often we look whether everybody was told. */
const farewellTurns = 10

/**
 * Ends serving without losing a request, as over HTTP/2, with one step more: UDP delivers nothing by itself. A server that is
 * gone repeats nothing, so it waits until its answers are acknowledged.
 *
 *     first GOAWAY       "stop soon". Requests on their way are answered.
 *     a grace            `drainGraceMs`, for the frame to arrive and for clients to go elsewhere
 *     second GOAWAY      names the first request that is not answered: whoever sent it knows that it may be repeated
 *     acknowledgments    of what was answered
 *     CONNECTION_CLOSE   H3_NO_ERROR
 *     at the limit       what is left is forgotten; its requests are counted as dropped
 */
export async function drain(server: Http3Server, limitMs: number): Promise<DrainReport> {
  const { clock, limits } = server
  const startMs = clock.nowMs()
  const endMs = startMs + limitMs
  const answeredBefore = server.answered
  const wait = async (untilMs: number, isDone: () => boolean): Promise<void> => {
    while (!isDone() && clock.nowMs() < Math.min(untilMs, endMs)) await sleep(pollMs)
  }
  server.giveNotice()
  await wait(startMs + limits.drainGraceMs, () => server.sessions.size === 0)
  server.takeNoMore()
  await wait(endMs, () => server.inFlight === 0)
  const dropped = server.inFlight
  await wait(endMs, () => !server.isUnacknowledged)
  server.closeSessions()
  // A turn for CONNECTION_CLOSE, also at the limit; clients that do not get it find out by their own timers.
  for (let turns = 0; turns < farewellTurns && server.sessions.size > 0; turns++) await sleep(pollMs)
  server[Symbol.dispose]()
  return { completed: server.answered - answeredBefore, dropped, ms: Math.round(clock.nowMs() - startMs) }
}
