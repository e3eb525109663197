import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Server, TlsOptions } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '@qps/core'
import { type ConnectionSource, listenError, reachableHost } from '@qps/http-contract'
import type { Identity } from '../certificate/identity.ts'
import { type SecureContextOptions, secureContextOptions } from '../context.ts'
import { countHandshakes, type HandshakeCounts } from '../sessions/count-handshakes.ts'
import { rotateTicketKeys } from '../sessions/rotate.ts'
import { SessionStore } from '../sessions/session-store.ts'
import type { TicketKeys } from '../sessions/ticket-keys.ts'
import { type GateStats, HandshakeGate, type HandshakeGateOptions } from './handshake-gate.ts'
import { createFront, type TlsFrontStats } from './tls-front.ts'

export interface ListenSecureOptions {
  /** Default 127.0.0.1. */
  host?: string
  /** 0 picks a free one. */
  port: number
  /** What it serves with, and changes to. */
  identity: Identity
  /** The same secret in every worker and process of one port. */
  tickets: TicketKeys
  /** Protocols by ALPN, the server's favorite first. */
  alpn: readonly string[]
  /** Makes the server behind the front, of node:tls, node:https or node:http2, which must not listen itself. */
  target: (options: TlsOptions) => Server
  /** What else of the context differs from its defaults. */
  context?: Pick<SecureContextOptions, 'groups' | 'handshakeTimeoutMs' | 'sessionContext'>
  gate?: Omit<HandshakeGateOptions, 'clock' | 'nextTurn'>
  /** Open connections, those in a handshake included; further ones are closed at once. Default: no bound but those of the target. */
  connectionsMax?: number
  /** Default the system's. */
  clock?: Clock
}

export interface SecureListenerStats {
  handshakes: HandshakeCounts
  gate: GateStats
  front: TlsFrontStats
}

/** A secure port that listens. Disposing closes it, and what has not finished its hello; connections go on. */
export interface SecureListener extends ConnectionSource, Disposable {
  readonly port: number
  /** `127.0.0.1:8443` */
  readonly address: string
  stats(): SecureListenerStats
  /** Resolves when nothing is `connecting`, or after `limitMs`. */
  settled(limitMs: number): Promise<void>
}

const pollMs = 5

/**
 * All of this package on one port: the front with its gate, TLS 1.2 and 1.3 with AEAD suites, ALPN in the server's order,
 * tickets of this slot and the one before, session ids of TLS 1.2, a count of handshakes, and the identity's next certificate
 * when there is one.
 *
 * @throws QpsError QPS_OPTION; QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE where it cannot listen there.
 * @example
 * using port = await listenSecure({ port: 8443, identity, tickets, alpn: ['h2'], target: (options) => createSecureServer(options) })
 */
export async function listenSecure(options: ListenSecureOptions): Promise<SecureListener> {
  const { host = '127.0.0.1', identity, tickets, alpn, clock = systemClock } = options
  const optionsFor = (pair: Identity['current']): TlsOptions =>
    secureContextOptions({ ...options.context, ...pair, alpn, tickets })
  const target = options.target(optionsFor(identity.current))
  using started = new DisposableStack()
  const gate = new HandshakeGate({ ...options.gate, clock })
  const counter = started.use(countHandshakes(target))
  started.use(rotateTicketKeys(target, tickets))
  started.use(new SessionStore({ clock }).attach(target))
  started.use(identity.onChange((pair) => target.setSecureContext(optionsFor(pair))))
  const front = started.use(createFront(target, { tickets, gate, clock }))
  const { server } = front
  if (options.connectionsMax !== undefined) server.maxConnections = options.connectionsMax
  try {
    // `once` rejects where 'error' comes first.
    const listening = once(server, 'listening')
    server.listen(options.port, host)
    await listening
  } catch (cause) {
    throw listenError(cause, { host, port: options.port })
  }
  const bound = server.address() as AddressInfo
  const parts = started.move()
  const connecting = (): number => front.stats().silent + gate.stats().active + gate.stats().waiting
  const close = (): void => {
    if (server.listening) server.close()
  }
  return {
    close,
    get listening() {
      return server.listening
    },
    get connecting() {
      return connecting()
    },
    port: bound.port,
    address: `${reachableHost(bound)}:${bound.port}`,
    stats: () => ({ handshakes: counter.counts(), gate: gate.stats(), front: front.stats() }),
    async settled(limitMs) {
      const endMs = clock.nowMs() + limitMs
      while (connecting() > 0 && clock.nowMs() < endMs) await sleep(pollMs)
    },
    [Symbol.dispose]() {
      close()
      parts.dispose()
    },
  }
}
