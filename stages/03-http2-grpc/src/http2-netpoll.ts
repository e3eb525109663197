import { engineLimits, serveHttp2Netpoll, surfaceHandler } from '@qps/http2-netpoll'
import type { StartProtocol } from './server.ts'

/** The surface of HTTP/1.1 over HTTP/2 on the engine, with sessions and windows of our own. */
export const http2Netpoll: StartProtocol = async ({ host, port }, metrics) => {
  const serving = await serveHttp2Netpoll(
    { host, port, onRequestDone: metrics.record, onRefused: metrics.refused },
    surfaceHandler(engineLimits.bodyBytesMax),
  )
  const { address, server } = serving
  return {
    name: 'h2',
    address,
    connections: () => server.sessions.size,
    inFlight: () => server.inFlight,
    drain: (limitMs) => serving.drain(limitMs),
  }
}
