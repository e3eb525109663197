import type { Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '@qps/core'
import type { ConnectionSource, DrainReport } from '@qps/http-contract'
import type { Guard } from './guard.ts'

export interface DrainOptions {
  /** What is left after this is cut. Milliseconds. */
  limitMs: number
  clock: Clock
  /** Where connections come from, if the server does not listen itself. It is closed when the listener would be. */
  source?: ConnectionSource | undefined
}

const pollMs = 5
/** The listener closes when no connection has come or gone for so long: who went may be about to come again. */
const quietMs = 25
/** Or after this, if that never happens. */
const quietLimitMs = 250

/**
 * Ends serving without losing a request.
 *
 * HTTP/1.1 cannot tell an idle client to leave; it can only close, and a request that is just then on its way is lost.
 * So a client is told when it asks: every answer from now on says `Connection: close`. In order:
 *
 *     in flight        answered, `Connection: close`
 *     kept alive       a grace of `drainGraceMs` to ask once more and be told; then closed
 *     new connections  accepted and served until the grace ends: a balancer takes a moment to look elsewhere
 *     backlog          the kernel resets what it has connected and nobody has accepted when a listener closes. Clients
 *                      connect again after each answer, so answers are held back until nobody connects, then the
 *                      listener closes, then they go out
 *     at the limit     whatever is left is destroyed; its requests are counted as dropped
 *
 * One loss is the protocol's own: a client that keeps pipelining may have sent requests behind the one whose answer
 * says close. It knows that they were not answered and may repeat them (RFC 9112 section 9.6).
 */
export async function drain(
  server: Server,
  guard: Guard,
  { limitMs, clock, source }: DrainOptions,
): Promise<DrainReport> {
  const startMs = clock.nowMs()
  const endMs = startMs + limitMs
  const answeredBefore = guard.answered
  guard.startDraining()
  const graceEndMs = Math.min(endMs, startMs + guard.limits.drainGraceMs)
  const connecting = (): number => source?.connecting ?? 0
  while (guard.connections + connecting() > 0 && clock.nowMs() < graceEndMs) await sleep(pollMs)

  await closeListener(server, guard, clock, source)
  // Who was about to be handed over still is, if that does not take too long.
  const handedOverMs = Math.min(endMs, clock.nowMs() + quietLimitMs)
  while (connecting() > 0 && clock.nowMs() < handedOverMs) await sleep(pollMs)
  while (guard.connections > 0 && clock.nowMs() < endMs) {
    guard.closeResting(guard.limits.drainGraceMs)
    await sleep(pollMs)
  }
  const dropped = guard.inFlight
  guard.destroyAll()
  // Http's own close, last: it stops the timer that looks for slow requests.
  server.close()
  return { completed: guard.answered - answeredBefore, dropped, ms: Math.round(clock.nowMs() - startMs) }
}

async function closeListener(server: Server, guard: Guard, clock: Clock, source?: ConnectionSource): Promise<void> {
  guard.hold()
  const limitMs = clock.nowMs() + quietLimitMs
  // Sleeping, not spinning: the kernel prefers to run a process that slept, and being suspended between the last look
  // and the close is how a client would slip in.
  const isQuiet = (): boolean => clock.nowMs() >= guard.changedAtMs + quietMs && (source?.connecting ?? 0) === 0
  do await sleep(1)
  while (clock.nowMs() < limitMs && !isQuiet())
  // Runs right behind the loop's last accept.
  await turn()
  // Not http's own close: it would cut connections that look idle but have a request in the kernel's buffer.
  if (source === undefined) NetServer.prototype.close.call(server)
  else source.close()
  guard.release()
}
