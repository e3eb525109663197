import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import type { GatePass } from './handshake-gate.ts'

/**
 * Gives a handshake's place up when it ends, well or not. A server of node:tls tells of its own sockets, not of ours that lie
 * below them; the two addresses and ports of a connection are the same in both.
 */
export class PendingHandshakes {
  readonly #passes = new Map<string, GatePass>()

  constructor(target: Server) {
    target.on('secureConnection', (socket) => this.#end(socket)).on('tlsClientError', (_, socket) => this.#end(socket))
  }

  /** From now until the handshake or the connection ends. */
  add(socket: Socket, pass: GatePass): void {
    const name = nameOf(socket)
    this.#passes.set(name, pass)
    socket.once('close', () => {
      // Its addresses may have begun another connection in the meantime.
      if (this.#passes.get(name) === pass) this.#passes.delete(name)
    })
  }

  #end(socket: TLSSocket): void {
    const name = nameOf(socket)
    this.#passes.get(name)?.leave()
    this.#passes.delete(name)
  }
}

function nameOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`
}
