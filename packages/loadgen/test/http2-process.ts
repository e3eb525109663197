import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'

/*
 * node:http2 in a process of its own, as slow as its argument says and therefore the limit, whatever loads it. `work`: a
 * millisecond on each request, by the clock, one after the other. `wait`: 20 ms for each request, all at the same time. A
 * GET is answered with `hello`; a POST is a unary call of gRPC that returns its message. Tells its parent the port, and
 * ends with it.
 */
const workMs = 1
const waitMs = 20
const waits = process.argv[2] === 'wait'

/** A stream whose client has gone meanwhile is not answered. */
function slowly(stream: ServerHttp2Stream, answer: () => void): void {
  if (waits) return void setTimeout(() => stream.destroyed || answer(), waitMs)
  const endMs = performance.now() + workMs
  while (performance.now() < endMs);
  if (!stream.destroyed) answer()
}

const server = createServer()
server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
  stream.on('error', () => {})
  if (headers[':method'] === 'POST') return call(stream)
  slowly(stream, () => {
    stream.respond({ ':status': 200, 'content-length': 5 })
    stream.end('hello')
  })
})

function call(stream: ServerHttp2Stream): void {
  const pieces: Buffer[] = []
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  stream.on('end', () => slowly(stream, () => reply(stream, Buffer.concat(pieces))))
}

function reply(stream: ServerHttp2Stream, message: Buffer): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(message)
}

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.once('disconnect', () => process.exit(0))
