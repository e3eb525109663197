import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface IdleServerOptions {
  /** Connections without a request are closed after so long, in milliseconds. Default 60,000. */
  idleTimeoutMs?: number
  /** How long each answer takes, in milliseconds. Default at once. */
  drawServiceMs?: () => number
  /** What it answers. Default `ok`. */
  body?: string
}

/** A server that says how its connections are used. */
export interface IdleServer extends AsyncDisposable {
  port: number
  origin: string
  /** Connections accepted so far. */
  readonly accepted: number
  /** Connections open now. */
  readonly open: number
  readonly requests: number
}

/**
 * An HTTP server on a free port of the loopback interface with an exact idle time, which it does not announce: Node's own
 * adds a second to it, and tells clients.
 */
export async function startIdleServer(options: IdleServerOptions = {}): Promise<IdleServer> {
  const { idleTimeoutMs = 60_000, drawServiceMs, body = 'ok' } = options
  let accepted = 0
  let open = 0
  let requests = 0
  const server = createServer(
    { keepAliveTimeout: idleTimeoutMs, keepAliveTimeoutBuffer: 0, noDelay: true },
    (request, response) => {
      requests++
      request.resume()
      // An explicit Connection field keeps Node from adding Keep-Alive.
      response.setHeader('Connection', 'keep-alive')
      if (drawServiceMs) setTimeout(() => response.end(body), drawServiceMs())
      else response.end(body)
    },
  )
  server.on('connection', (socket) => {
    accepted++
    open++
    socket.once('close', () => open--)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    get accepted() {
      return accepted
    },
    get open() {
      return open
    },
    get requests() {
      return requests
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
