import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net'

export interface TestServer extends AsyncDisposable {
  server: Server
  port: number
  origin: string
}

export async function startHttp(handler: RequestListener): Promise<TestServer> {
  const server = createServer({ keepAliveTimeout: 30_000 }, handler)
  const port = await listen(server)
  return {
    server,
    port,
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** A server of bytes: the test writes the answers itself. */
export async function startTcp(
  handler: (socket: Socket) => void,
): Promise<AsyncDisposable & { server: TcpServer; port: number }> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    handler(socket)
  })
  const port = await listen(server)
  return {
    server,
    port,
    [Symbol.asyncDispose]: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function listen(server: TcpServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
