import { createSecureServer } from 'node:http2'
import { createServer } from 'node:tls'
import type { StartVariant, VariantContext } from '@qps/console'
import { createGrpcServer, http2ServerOptions, workload, workloadDefinition } from '@qps/grpc'
import { createHardenedServer } from '@qps/http'
import { type RunningServer, statusBody } from '@qps/http-contract'
import { createHttp2, surfaceHandler } from '@qps/http2'
import { handshakeMetrics } from '@qps/metrics'
import { callMetrics } from './grpc-calls.ts'
import { SecurePorts } from './secure-ports.ts'
import { type StartProtocol, variant } from './server.ts'

/** A handshake that began before the listener closed is waited for. */
const settleMs = 250

/**
 * One secure port for HTTP/2 and HTTP/1.1, the client's choice by ALPN, and one for gRPC, with one certificate and one set
 * of ticket keys:
 *
 *     8081  front ─ handshake ─┬─ h2        node:http2 within limits
 *                              └─ http/1.1  node:http within limits, as in stage 1: the engine carries no TLS
 *     8082  front ─ handshake ─── h2        gRPC
 */
export const tls: StartVariant = async (context) => {
  const secure = new SecurePorts(context)
  try {
    const running = await variant(surface(secure, context), grpcOverTls(secure))(context)
    handshakeMetrics(context.registry, () => secure.figures())
    return {
      ...running,
      notes: { ...running.notes, trust: trustOf(secure) },
      pages: { ...pagesOf(secure) },
      drain: (limitMs) => running.drain(limitMs).finally(() => secure[Symbol.dispose]()),
    }
  } catch (error) {
    secure[Symbol.dispose]()
    throw error
  }
}

/** Where a client finds whom to trust. */
function trustOf({ identity }: SecurePorts): string {
  return identity.authority === undefined
    ? 'the authority that issued --cert'
    : 'an authority made at the start: /authority.pem of the metrics port'
}

function pagesOf({ identity: { authority } }: SecurePorts): RunningServer['pages'] {
  if (authority === undefined) return {}
  return { '/authority.pem': async () => ({ contentType: 'application/x-pem-file', body: authority }) }
}

/** HTTP/2 and HTTP/1.1 behind one listener. */
const surface = (secure: SecurePorts, { connectionsMax }: VariantContext): StartProtocol => {
  return async (at, { record, refused }) => {
    const limits = connectionsMax === undefined ? {} : { connectionsMax }
    const http1 = await createHardenedServer({
      limits,
      onRefused: refused,
      onRequestDone: ({ method, route, status, seconds }) => record(method, route, status, seconds),
    })
    const http2 = createHttp2({ limits, onRefused: refused, onRequestDone: record }, surfaceHandler)
    const listener = await secure.listen({
      ...at,
      alpn: ['h2', 'http/1.1'],
      connectionsMax: http2.guard.limits.connectionsMax,
      // Not http2's own secure server, which puts h2 in the place of whatever list it is given.
      target: (options) =>
        createServer(options, (socket) => {
          // Without ALPN a client means http/1.1 (RFC 9113 section 3.2).
          const { server } = socket.alpnProtocol === 'h2' ? http2 : http1
          server.emit('connection', socket)
        }),
    })
    // It does not listen itself, and only when it does Node begins to look for requests that take too long.
    http1.server.emit('listening')
    return {
      name: 'tls',
      address: listener.address,
      connections: () => http2.guard.sessions + http1.guard.connections,
      inFlight: () => http2.guard.inFlight + http1.guard.inFlight,
      async drain(limitMs) {
        const [first, second] = await Promise.all([http1.drain(limitMs, listener), http2.drain(limitMs, listener)])
        return {
          completed: first.completed + second.completed,
          dropped: first.dropped + second.dropped,
          ms: Math.max(first.ms, second.ms),
        }
      },
    }
  }
}

const grpcOverTls = (secure: SecurePorts): StartProtocol => {
  return async (at, _metrics, registry) => {
    const server = createGrpcServer({ observer: callMetrics(registry) })
    server.addService(workloadDefinition, workload({ status: () => Buffer.from(statusBody(Date.now())) }))
    const listener = await secure.listen({
      ...at,
      alpn: ['h2'],
      connectionsMax: server.limits.connectionsMax,
      target: (options) => {
        const target = createSecureServer({ ...http2ServerOptions(), ...options })
        server.attach(target)
        return target
      },
    })
    return {
      name: 'grpc',
      address: listener.address,
      connections: () => server.connections,
      inFlight: () => server.inFlight,
      async drain(limitMs) {
        listener.close()
        await listener.settled(Math.min(settleMs, limitMs))
        return server.close(limitMs)
      },
    }
  }
}
