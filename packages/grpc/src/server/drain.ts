import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DrainReport } from '@qps/http-contract'
import type { ServerConnection } from './connection.ts'
import type { GrpcServer } from './server.ts'

/** The largest stream id: "do not begin more, but nothing is refused yet" (RFC 9113 section 6.8). */
const anyStream = 2 ** 31 - 1
/** A client that does not answer a PING within this has had its time. */
const noticeMs = 1_000
const pollMs = 5

/**
 * Ends serving without losing a call. In order:
 *
 *     the listener closes
 *     GOAWAY with the largest stream id: clients open no more; what they had opened already is served
 *     PING: when it comes back, everything that a client had sent before it read the GOAWAY has arrived
 *     GOAWAY with the last stream: what comes later is refused unprocessed, which a client may retry safely
 *     until the limit: calls go on; a connection closes with its last
 *     at the limit: the rest is cut, and counted as dropped
 *
 * A connection at rest gets the last GOAWAY at once: after the first, nghttp2 reads only as long as a stream is open, so that
 * the PING would never be seen to come back. A call that crosses it was not begun, and its client knows.
 */
export async function drain(server: GrpcServer, limitMs: number): Promise<DrainReport> {
  const { clock, counters } = server
  const startMs = clock.nowMs()
  const { calls: callsBefore, cancelled: cancelledBefore } = counters
  const inFlight = server.inFlight
  for (const listener of server.listeners) stopListening(listener)
  const busy = [...server.connections.values()].filter(({ calls }) => calls.size > 0)
  await Promise.all(busy.map((connection) => announce(connection, Math.min(noticeMs, limitMs))))
  for (const session of server.connections.keys()) session.close()
  while (server.connections.size > 0 && clock.nowMs() - startMs < limitMs) await sleep(pollMs)
  const dropped = server.inFlight
  const completed = inFlight + (counters.calls - callsBefore) - (counters.cancelled - cancelledBefore) - dropped
  for (const session of server.connections.keys()) session.destroy()
  return { completed, dropped, ms: Math.round(clock.nowMs() - startMs) }
}

/** An HTTP/2 server's own `close` says the last GOAWAY to every connection at once: too early for what is on its way. */
function stopListening(listener: NetServer): void {
  NetServer.prototype.close.call(listener)
}

/** Resolves when the client has read the first GOAWAY, when its last call is over, or after `limitMs`. */
async function announce({ session, calls, clock }: ServerConnection, limitMs: number): Promise<void> {
  const client = { noticed: false }
  session.goaway(0, anyStream)
  // False where too many pings are on their way: then it is the other two that decide.
  session.ping(() => {
    client.noticed = true
  })
  const endMs = clock.nowMs() + limitMs
  while (!client.noticed && calls.size > 0 && !session.destroyed && clock.nowMs() < endMs) await sleep(1)
}
