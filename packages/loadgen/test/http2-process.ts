import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'

/*
 * As `http-process.ts`, over node:http2: works for 250 µs on each request, by the clock, so that it is the limit whatever loads
 * it. A GET is answered with `hello`; a POST is a unary call of gRPC that returns its message. Tells its parent the
 * port, and ends with it.
 */
const workMs = 0.25

function work(): void {
  const endMs = performance.now() + workMs
  while (performance.now() < endMs);
}

const server = createServer()
server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
  stream.on('error', () => {})
  if (headers[':method'] === 'POST') return call(stream)
  work()
  stream.respond({ ':status': 200, 'content-length': 5 })
  stream.end('hello')
})

function call(stream: ServerHttp2Stream): void {
  const pieces: Buffer[] = []
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  stream.on('end', () => {
    work()
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.concat(pieces))
  })
}

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.once('disconnect', () => process.exit(0))
