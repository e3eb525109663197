import { createServer } from 'node:tls'
import type { StartVariant, VariantContext } from '@qps/console'
import { createHttp2, type Http2Handler, surfaceHandler } from '@qps/http2'
import { type PathEvent, serveHttp3, surfaceHandler as surfaceOverHttp3 } from '@qps/quic'
import { SecurePorts } from './secure-ports.ts'
import { type StartProtocol, variant } from './server.ts'

/** Steps of moves that the admin port can show. */
const stepsMax = 100
/** A handshake that began before the listener closed is waited for. */
const settleMs = 250
/** How long a client may remember where HTTP/3 is, in seconds. */
const rememberedS = 3600

/**
 * HTTP/3, and how clients that come over TCP find it:
 *
 *     8081/udp  HTTP/3 on quiche
 *     8082/tcp  HTTP/2 over TLS, whose answers say where HTTP/3 is: Alt-Svc (RFC 7838)
 *
 * In cleartext nobody is told: who sent such an answer is not known, and browsers do not believe it.
 */
export const quic: StartVariant = async (context) => {
  const secure = new SecurePorts(context)
  const moves = new Moves()
  const http3 = overHttp3(secure, context, moves)
  try {
    const running = await variant(http3.start, overTls(secure, context, http3.altSvc))(context)
    return {
      ...running,
      notes: { ...running.notes, trust: 'an authority made at the start: /authority.pem of the metrics port' },
      pages: {
        '/authority.pem': async () => ({
          contentType: 'application/x-pem-file',
          body: secure.identity.authority ?? '',
        }),
        '/moves': async () => ({ contentType: 'application/x-ndjson', body: moves.lines() }),
      },
      drain: (limitMs) => running.drain(limitMs).finally(() => secure[Symbol.dispose]()),
    }
  } catch (error) {
    secure[Symbol.dispose]()
    throw error
  }
}

/** What clients did to get to other addresses, the latest last. */
class Moves {
  readonly #steps: (PathEvent & { ts: number })[] = []

  note(step: PathEvent): void {
    if (this.#steps.length === stepsMax) this.#steps.shift()
    this.#steps.push({ ts: Date.now(), ...step })
  }

  /** An object a line. */
  lines(): string {
    return this.#steps.map((step) => `${JSON.stringify(step)}\n`).join('')
  }
}

function overHttp3({ identity }: SecurePorts, { connectionsMax }: VariantContext, moves: Moves) {
  let port = 0
  const start: StartProtocol = async (at, metrics) => {
    const running = await serveHttp3(
      {
        ...at,
        ...identity.current,
        limits: connectionsMax === undefined ? {} : { connectionsMax },
        onRequestDone: metrics.record,
        onRefused: metrics.refused,
        onPath: (step) => moves.note(step),
      },
      surfaceOverHttp3,
    )
    const { server, address } = running
    port = running.port
    return {
      name: 'quic',
      address,
      connections: () => server.sessions.size,
      inFlight: () => server.inFlight,
      drain: (limitMs) => running.drain(limitMs),
    }
  }
  return { start, altSvc: (): string => `h3=":${port}"; ma=${rememberedS}` }
}

const overTls = (secure: SecurePorts, { connectionsMax }: VariantContext, altSvc: () => string): StartProtocol => {
  const handler: Http2Handler = (stream, headers, guard) => {
    const respond = stream.respond.bind(stream)
    stream.respond = (fields, options) => respond({ ...fields, 'alt-svc': altSvc() }, options)
    surfaceHandler(stream, headers, guard)
  }
  return async (at, metrics) => {
    const limits = connectionsMax === undefined ? {} : { connectionsMax }
    const http2 = createHttp2({ limits, onRefused: metrics.refused, onRequestDone: metrics.record }, handler)
    const { guard, server } = http2
    const listener = await secure.listen({
      ...at,
      alpn: ['h2'],
      connectionsMax: guard.limits.connectionsMax,
      target: (options) => createServer(options, (socket) => server.emit('connection', socket)),
    })
    return {
      name: 'tls',
      address: listener.address,
      connections: () => guard.sessions,
      inFlight: () => guard.inFlight,
      async drain(limitMs) {
        listener.close()
        await listener.settled(Math.min(settleMs, limitMs))
        return http2.drain(limitMs, listener)
      },
    }
  }
}
