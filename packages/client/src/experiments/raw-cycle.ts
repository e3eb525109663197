import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { ConnectionPool, type PoolStats } from '../pool/connection-pool.ts'
import type { ConnectionPoolOptions } from '../pool/options.ts'

type Limits = Omit<ConnectionPoolOptions<Socket>, 'connect' | 'close'>

/** Requests over our own pool and plain sockets: get, round trip, put. */
export interface RawClient extends AsyncDisposable {
  cycle: () => Promise<void>
  readonly stats: PoolStats
}

/** The smallest client that a pool can have: one request, one read. For servers whose answers fit one segment. */
export function createRawClient(port: number, limits: Limits): RawClient {
  const request = Buffer.from(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  const pool = new ConnectionPool<Socket>({
    ...limits,
    connect: async (signal) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      const abort = (): void => void socket.destroy(signal.reason as Error)
      signal.addEventListener('abort', abort, { once: true })
      await once(socket, 'connect')
      signal.removeEventListener('abort', abort)
      socket.once('close', () => pool.lost(socket))
      socket.on('error', () => {})
      return socket
    },
    close: (socket) => void socket.destroy(),
  })
  return {
    cycle: async () => {
      const lease = await pool.acquire()
      try {
        lease.connection.write(request)
        await once(lease.connection, 'data')
        lease.release()
      } catch (error) {
        lease.discard()
        throw error
      }
    },
    get stats() {
      return pool.stats
    },
    [Symbol.asyncDispose]: () => pool.close(),
  }
}
