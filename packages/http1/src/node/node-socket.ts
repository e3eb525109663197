import type { HttpConnection } from '../server/connection.ts'
import { hasListeners, LightEmitter } from './light.ts'
import { nodeError } from './node-errors.ts'
import type { NodeHttpServer } from './node-http-server.ts'

/**
 * What a request tells of its connection, in the shape of `net.Socket`: addresses, `destroy`, and the event 'close'. It is
 * no stream. Calls that tune a socket are taken and do nothing, since the engine has its own rules; 'timeout' never comes.
 *
 * One per connection, made when somebody first asks for it.
 */
export class NodeSocket extends LightEmitter {
  readonly server: NodeHttpServer
  readonly encrypted = false
  readonly connecting = false
  /** Requests so far, counted where `maxRequestsPerSocket` is set. */
  requests = 0
  readonly #http: HttpConnection

  constructor(server: NodeHttpServer, http: HttpConnection) {
    super()
    this.server = server
    this.#http = http
  }

  /** Undefined over a unix socket. */
  get remoteAddress(): string | undefined {
    return this.#http.remoteAddress || undefined
  }

  get remotePort(): number | undefined {
    return this.remoteAddress === undefined ? undefined : this.#http.output.remotePort
  }

  get remoteFamily(): 'IPv4' | 'IPv6' | undefined {
    const { remoteAddress } = this
    return remoteAddress === undefined ? undefined : remoteAddress.includes(':') ? 'IPv6' : 'IPv4'
  }

  get localPort(): number | undefined {
    return this.server.port
  }

  get bytesRead(): number {
    return this.#http.output.bytesRead
  }

  get bytesWritten(): number {
    const { bytesSent, pendingBytes } = this.#http.output
    return bytesSent + pendingBytes
  }

  get destroyed(): boolean {
    return !this.#http.output.open
  }

  get readable(): boolean {
    return this.#http.output.open
  }

  get writable(): boolean {
    return this.#http.output.open
  }

  get readyState(): 'open' | 'closed' {
    return this.#http.output.open ? 'open' : 'closed'
  }

  destroy(_error?: Error): this {
    this.#http.output.destroy()
    return this
  }

  /** Sends FIN behind what was written. */
  end(): this {
    this.#http.output.end()
    return this
  }

  destroySoon(): void {
    this.end()
  }

  resetAndDestroy(): this {
    this.#http.output.destroy(true)
    return this
  }

  /** @throws Error ERR_METHOD_NOT_IMPLEMENTED. */
  write(): never {
    throw nodeError('ERR_METHOD_NOT_IMPLEMENTED', 'socket.write')
  }

  // Taken, without effect

  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  cork(): void {}

  uncork(): void {}

  /** For the connection. */
  onClose(): void {
    if (hasListeners(this)) process.nextTick(() => this.emit('close', false))
  }
}

/** The socket of a connection. */
export function socketOf(server: NodeHttpServer, http: HttpConnection): NodeSocket {
  return (http.attached ??= new NodeSocket(server, http)) as NodeSocket
}
