import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DrainReport } from '@qps/http-contract'
import type { ServerConnection } from './connection.ts'
import type { NodeTransport } from './transport.ts'

/** A client that does not answer a PING within this has had its time. */
const noticeMs = 1_000
const pollMs = 5

/**
 * Ends serving without losing a call. In order:
 *
 *     the listener closes
 *     a notice, which is a GOAWAY with the largest stream id: clients open no more; what they have opened is served
 *     PING: when it comes back, everything that a client had sent before it read the notice has arrived
 *     GOAWAY with the last stream: what comes later is refused unprocessed, which a client may retry safely
 *     until the limit: calls go on; a connection closes with its last
 *     at the limit: the rest is cut, and counted as dropped
 */
export async function drain(server: NodeTransport, limitMs: number): Promise<DrainReport> {
  const { clock, answered: answeredBefore } = server
  const startMs = clock.nowMs()
  for (const listener of server.listeners) stopListening(listener)
  const told = [...server.sessions.values()]
  await Promise.all(told.map((connection) => announce(server, connection, Math.min(noticeMs, limitMs))))
  for (const session of server.sessions.keys()) session.close()
  while (server.sessions.size > 0 && clock.nowMs() - startMs < limitMs) await sleep(pollMs)
  const dropped = server.inFlight
  const completed = server.answered - answeredBefore
  for (const session of server.sessions.keys()) session.destroy()
  return { completed, dropped, ms: Math.round(clock.nowMs() - startMs) }
}

/** An HTTP/2 server's own `close` says the last GOAWAY to every connection at once: too early for what is on its way. */
function stopListening(listener: NetServer): void {
  NetServer.prototype.close.call(listener)
}

/** Resolves when the client has read the notice, or is gone, or after `limitMs`. */
async function announce(
  { transports }: NodeTransport,
  { session, clock }: ServerConnection,
  limitMs: number,
): Promise<void> {
  if (session.destroyed) return
  transports.giveNotice(session)
  const client = { noticed: false }
  // False where too many pings are on their way: then the time decides.
  session.ping(() => (client.noticed = true))
  const endMs = clock.nowMs() + limitMs
  while (!client.noticed && !session.destroyed && clock.nowMs() < endMs) await sleep(1)
}
