import type { ServerHttp2Session } from 'node:http2'
import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GrpcServer } from './server.ts'

/** What became of the calls that were in flight, or arrived, while a server drained. */
export interface DrainReport {
  /** Answered in full. */
  completed: number
  /** Cut at the limit. */
  dropped: number
  ms: number
}

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
 */
export async function drain(server: GrpcServer, limitMs: number): Promise<DrainReport> {
  const { clock, counters } = server
  const startMs = clock.nowMs()
  const { calls, cancelled } = counters
  const inFlight = server.inFlight
  for (const listener of server.listeners) stopListening(listener)
  await Promise.all([...server.connections.keys()].map((session) => announce(session, Math.min(noticeMs, limitMs))))
  for (const session of server.connections.keys()) session.close()
  while (server.connections.size > 0 && clock.nowMs() - startMs < limitMs) await sleep(pollMs)
  const dropped = server.inFlight
  const completed = inFlight + (counters.calls - calls) - (counters.cancelled - cancelled) - dropped
  for (const session of server.connections.keys()) session.destroy()
  return { completed, dropped, ms: Math.round(clock.nowMs() - startMs) }
}

/** An HTTP/2 server's own `close` says the last GOAWAY to every connection at once: too early for what is on its way. */
function stopListening(listener: NetServer): void {
  NetServer.prototype.close.call(listener)
}

/** Resolves when the client has read the first GOAWAY, or after `limitMs`. */
async function announce(session: ServerHttp2Session, limitMs: number): Promise<void> {
  if (session.destroyed) return
  session.goaway(0, anyStream)
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, limitMs)
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    session.once('close', done)
    // False where too many pings are on their way: then the time limit decides.
    session.ping(done)
  })
}
