import { createServer, type Server as NetServer, type Socket } from 'node:net'
import type { Server } from 'node:tls'
import { checkInteger, type Clock, systemClock } from '@qps/core'
import type { TicketKeys } from '../sessions/ticket-keys.ts'
import { Arrival } from './arrival.ts'
import { closeStalledHandshakes } from './close-stalled.ts'
import { HandshakeGate } from './handshake-gate.ts'
import { KeyWindow } from './key-window.ts'
import { PendingHandshakes } from './pending-handshakes.ts'

export interface TlsFrontOptions {
  /** Tickets of the slot before are accepted too, and of the next. Default: none but what the server has itself. */
  tickets?: TicketKeys
  /** Default a gate with its defaults; the front closes it. */
  gate?: HandshakeGate
  /** Connections that are to send their ClientHello, 1 to 65,536; the oldest makes room. Default 4096. */
  silentMax?: number
  /** A connection whose ClientHello is not complete by then is closed, in milliseconds, 100 to 60,000. Default 5000. */
  helloTimeoutMs?: number
  /** Default the system's. */
  clock?: Clock
}

export const frontDefaults = { silentMax: 4096, helloTimeoutMs: 5000 } as const

export interface TlsFrontStats {
  /** Connections that have not sent a complete ClientHello yet. */
  silent: number
  /** Connections that were closed for it: too slow, or the oldest of too many. */
  silentClosed: number
  /** Hellos with a ticket of the slot before or of the next. */
  neighbors: number
}

/** A listener in front of a TLS server. `server` is the one to call `listen`, `address` and `close` of. */
export interface TlsFront extends Disposable {
  readonly server: NetServer
  stats(): TlsFrontStats
}

/**
 * Accepts connections for a server of `node:tls`, `node:https` or `node:http2` that does not listen itself, and hands each
 * over, by its `connection` event, when its ClientHello is there and the gate lets it in:
 *
 *     accept ── ClientHello complete ── gate ── key set of its ticket ── handshake in node:tls
 *
 * A client that sends nothing occupies no place in the gate. Only the first bytes of a connection pass through JavaScript.
 *
 * Disposing closes what has not begun; connections whose handshake has begun go on. Close the `server` yourself.
 *
 * @throws QpsError QPS_OPTION.
 */
export function createFront(target: Server, options: TlsFrontOptions = {}): TlsFront {
  const { tickets, gate = new HandshakeGate(), clock = systemClock } = options
  const silentMax = checkInteger('silentMax', options.silentMax ?? frontDefaults.silentMax, { min: 1, max: 65_536 })
  const helloTimeoutMs = checkInteger('helloTimeoutMs', options.helloTimeoutMs ?? frontDefaults.helloTimeoutMs, {
    min: 100,
    max: 60_000,
  })
  const silent = new Set<Arrival>()
  const pending = new PendingHandshakes(target)
  closeStalledHandshakes(target)
  const window = tickets && new KeyWindow(target, tickets)
  let silentClosed = 0

  const server = createServer((socket) => {
    if (silent.size >= silentMax) closeOldest()
    silent.add(new Arrival(socket, clock.nowMs(), { onHello, onGone: (arrival) => silent.delete(arrival) }))
  })
  const sweep = clock.every(helloTimeoutMs / 4, () => {
    const tooOldMs = clock.nowMs() - helloTimeoutMs
    for (const { sinceMs } of silent) {
      if (sinceMs > tooOldMs) break
      closeOldest()
    }
  })

  function closeOldest(): void {
    const [oldest] = silent
    silentClosed++
    oldest?.close()
  }

  function onHello(arrival: Arrival, hello: Buffer, ticketNames: Uint8Array[]): void {
    silent.delete(arrival)
    const { socket } = arrival
    const pass = gate.enter({
      begin: (place) => {
        pending.add(socket, place)
        if (window === undefined) begin(socket, hello)
        else window.run(ticketNames, () => begin(socket, hello))
      },
      refuse: () => socket.destroy(),
    })
    socket.once('close', () => pass.leave())
  }

  function begin(socket: Socket, hello: Buffer): void {
    if (socket.destroyed) return
    socket.unshift(hello)
    target.emit('connection', socket)
  }

  return {
    server,
    stats: () => ({ silent: silent.size, silentClosed, neighbors: window?.neighbors ?? 0 }),
    [Symbol.dispose]() {
      sweep[Symbol.dispose]()
      gate[Symbol.dispose]()
      for (const arrival of silent) arrival.close()
    },
  }
}
