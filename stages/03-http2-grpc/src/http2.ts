import { serveHttp2, surfaceHandler } from '@qps/http2'
import type { StartProtocol } from './server.ts'

/** The surface of HTTP/1.1 over HTTP/2 in cleartext: the client must know beforehand what is spoken ("prior knowledge"). */
export const http2: StartProtocol = async ({ host, port }, metrics) => {
  const server = await serveHttp2(
    { host, port, onRequestDone: metrics.record, onRefused: metrics.refused },
    surfaceHandler,
  )
  const { address, guard } = server
  return {
    name: 'h2',
    address,
    connections: () => guard.sessions,
    inFlight: () => guard.inFlight,
    drain: (limitMs) => server.drain(limitMs),
  }
}
