import { createServer, type RequestListener, type Server } from 'node:http'
import { type Clock, systemClock } from '@qps/core'
import type { DrainReport, RunningServer } from '@qps/http-contract'
import { type ListenAt, listen } from './listen.ts'

/**
 * Runs a listener on node:http as it comes: Node's own limits, nothing added.
 *
 * @example const running = await runStock(answerSurface, { host: '127.0.0.1', port: 8080 })
 */
export async function runStock(listener: RequestListener, at: ListenAt): Promise<RunningServer> {
  const server = createServer(listener)
  let open = 0
  server.on('connection', (socket) => {
    open++
    socket.once('close', () => open--)
  })
  const url = await listen(server, at)
  return { url, connections: () => open, drain: (limitMs) => drainStock(server, limitMs) }
}

/**
 * Ends a server the way Node does: no new connections, idle ones are closed at once, the others when their request is
 * answered. A request that is on its way on an idle connection is lost; `drain` shows what it takes not to lose it.
 *
 * Node does not count requests, so the report counts connections that had one.
 *
 * @param limitMs default 5000. Then what is left is destroyed.
 */
export async function drainStock(server: Server, limitMs = 5_000, clock: Clock = systemClock): Promise<DrainReport> {
  const startMs = clock.nowMs()
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const busy = await openConnections(server)
  let dropped = 0
  const timer = setTimeout(async () => {
    dropped = await openConnections(server)
    server.closeAllConnections()
  }, limitMs)
  await closed
  clearTimeout(timer)
  return { completed: busy - dropped, dropped, ms: Math.round(clock.nowMs() - startMs) }
}

function openConnections(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))
}
