import type { StartVariant, VariantContext } from '@qps/console'
import { type Http2Limits, http2Limits, serveHttp2, surfaceHandler } from '@qps/http2'
import { type StartProtocol, variant } from './server.ts'

/** Options of the stage that only this variant has. */
export const http2Options = {
  'window-bytes': {
    type: 'integer',
    value: 'N',
    min: 65_535,
    max: 16_777_216,
    variant: 'http2',
    help: 'bytes that a client may send ahead of us, on each stream and on the connection; default 65535',
  },
  'streams-max': {
    type: 'integer',
    value: 'N',
    min: 1,
    max: 1000,
    variant: 'http2',
    help: 'streams that a client may have open on one session; default 100',
  },
} as const

/** The surface of HTTP/1.1 over HTTP/2 in cleartext: the client must know beforehand what is spoken ("prior knowledge"). */
export const http2: StartVariant = (context) => variant(cleartext(limitsOf(context)))(context)

const cleartext = (limits: Partial<Http2Limits>): StartProtocol => {
  return async ({ host, port }, metrics) => {
    const running = await serveHttp2(
      { host, port, limits, onRequestDone: metrics.record, onRefused: metrics.refused },
      surfaceHandler,
    )
    const { address, guard, server } = running
    const { windowBytes } = guard.limits
    // The settings speak of streams only; the connection's window is opened by a WINDOW_UPDATE (RFC 9113 section 6.9.2).
    server.on('session', (session) => session.setLocalWindowSize(windowBytes))
    return {
      name: 'h2',
      address,
      connections: () => guard.sessions,
      inFlight: () => guard.inFlight,
      drain: (limitMs) => running.drain(limitMs),
    }
  }
}

/** A session may hold what its streams may send: wider windows want more memory. */
function limitsOf({ connectionsMax, given }: VariantContext): Partial<Http2Limits> {
  const windowBytes = Number(given('window-bytes') ?? http2Limits.windowBytes)
  const streamsMax = Number(given('streams-max') ?? http2Limits.streamsMax)
  // The connection's window bounds all of them together; what is answered meanwhile waits beside it.
  const neededMiB = Math.ceil((2 * windowBytes) / (1024 * 1024))
  return {
    windowBytes,
    streamsMax,
    sessionMemoryMaxMiB: Math.max(http2Limits.sessionMemoryMaxMiB, neededMiB),
    ...(connectionsMax !== undefined && { connectionsMax }),
  }
}
