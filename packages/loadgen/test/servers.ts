import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'

/** A server of a test, on a free port; disposing of it cuts every connection. */
export interface TestServer extends AsyncDisposable {
  url: string
  server: Server
}

export async function serve(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener)
  const url = await listenOn(server)
  return {
    url,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Sockets without HTTP: for servers that misbehave. */
export async function serveBytes(accept: (socket: Socket) => void): Promise<AsyncDisposable & { url: string }> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    accept(socket)
  })
  const url = await listenOn(server)
  return {
    url,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function listenOn(server: {
  listen(port: number, host: string, ready: () => void): unknown
  address(): unknown
}): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Answers every request with `hello`. */
export const hello: RequestListener = (request, response) => {
  request.resume()
  response.setHeader('Content-Length', 5)
  response.end('hello')
}
