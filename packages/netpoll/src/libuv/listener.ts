import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { listenError } from '../listen-error.ts'
import type { Listener } from '../poller.ts'
import type { Endpoint } from '../sys/address.ts'

export interface LibuvListenerOptions {
  endpoint: Endpoint
  backlog: number
  reusePort: boolean
  /** A connection, paused. */
  accept: (socket: Socket) => void
  /** Accepting has failed and rests. */
  onPause: () => void
  /** The socket is closed. */
  onClose: (listener: LibuvListener) => void
}

/** How long accepting rests when there was no descriptor for a connection: long enough not to spin, short for a client. */
const restMs = 100

/**
 * A listening socket on `net.Server`.
 *
 * Without a free descriptor, libuv accepts what waits by a spare one that it keeps for this, closes it at once and says
 * nothing. Only where the spare is gone too does the server emit an error, again in every turn while somebody waits.
 * A listening socket cannot be paused here, so it is closed, and opened again after a rest.
 */
export class LibuvListener implements Listener {
  readonly host: string
  readonly path: string | undefined
  port: number

  readonly #options: LibuvListenerOptions
  #server: Server | undefined
  #resting: NodeJS.Timeout | undefined
  #closed: Promise<void> | undefined

  constructor(options: LibuvListenerOptions) {
    this.#options = options
    this.host = options.endpoint.host
    this.path = options.endpoint.path
    this.port = options.endpoint.port
  }

  /** @throws QpsError as {@link listenError} does. */
  async open(): Promise<void> {
    const { endpoint, backlog, reusePort, accept } = this.#options
    const { host, port, path } = this
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, accept)
    try {
      // `once` rejects where 'error' comes first.
      const listening = once(server, 'listening')
      // Exclusive: this thread's own socket even in a process that node:cluster started.
      server.listen({ ...(path === undefined ? { host, port, reusePort } : { path }), backlog, exclusive: true })
      await listening
    } catch (error) {
      throw listenError(error, endpoint)
    }
    if (this.#closed !== undefined) return void server.close()
    server.on('error', this.#rest)
    this.#server = server
    if (path === undefined) this.port = (server.address() as AddressInfo).port
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      clearTimeout(this.#resting)
      // Closes the descriptor in the call. Its event would wait for all connections to go as well.
      this.#server?.close()
      this.#options.onClose(this)
      setImmediate(resolve)
    })
    return this.#closed
  }

  readonly #rest = (): void => {
    this.#options.onPause()
    this.#server?.close()
    this.#server = undefined
    this.#openLater()
  }

  #openLater(): void {
    if (this.#closed !== undefined) return
    // While there is no descriptor, opening fails as well, and rests again.
    this.#resting = setTimeout(() => this.open().catch(() => this.#openLater()), restMs)
  }
}
