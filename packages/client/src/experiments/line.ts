import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A stretch of network between a client and a server. */
export interface Line extends AsyncDisposable {
  port: number
}

/**
 * Puts distance before a server: bytes, and the ends of connections, arrive `oneWayMs` later in either direction. On the
 * loopback interface a close is seen before the next request can leave; over a distance the two cross on their way, and that
 * is the whole of the reset race.
 */
export async function layLine(serverPort: number, oneWayMs: number): Promise<Line> {
  const sockets = new Set<Socket>()
  const join = (from: Socket, to: Socket): void => {
    const later = (action: () => void): unknown => setTimeout(action, oneWayMs)
    sockets.add(from)
    from.on('data', (bytes) => later(() => to.writable && to.write(bytes)))
    from.on('error', () => {})
    from.once('close', () => {
      sockets.delete(from)
      later(() => to.destroy())
    })
  }
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: serverPort, host: '127.0.0.1', noDelay: true })
    join(near, far)
    join(far, near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
