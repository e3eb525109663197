import type { Socket } from 'node:net'
import type { Clock } from '@qps/core'
import { type buildConnector, Client, type Dispatcher } from 'undici'

export interface Aging {
  clock: Clock
  /** The age at which the next connection is replaced, drawn anew for each. */
  drawLifetimeMs: () => number
  connect: buildConnector.connector
  /** Called with each connection before it carries a request. */
  opened: (socket: Socket) => void
}

/**
 * One connection of undici that is replaced at the end of its life, busy or not:
 *
 * - idle at that instant: closed; the next request opens another;
 * - a request comes when none is under way: closed, and the request goes out on a new connection;
 * - requests are under way (pipelining): the next one asks for `Connection: close`, and the answer ends the connection.
 *
 * With `pipelining: 1` no request is ever sent on a connection older than its lifetime. The age is monotonic time on the
 * clock given. Built on what undici documents: a pool's `factory`, the connector, `dispatch` and its `reset`.
 */
export class AgingClient extends Client {
  readonly #aging: Aging
  #socket: Socket | undefined
  #expired = false

  constructor(origin: URL, options: Client.Options, aging: Aging) {
    let born = (_socket: Socket): void => {}
    const connect: buildConnector.connector = (target, callback) =>
      aging.connect(target, (error, socket) => {
        if (error) return callback(error, null)
        born(socket)
        callback(null, socket)
      })
    super(origin, { ...options, connect })
    this.#aging = aging
    born = (socket) => this.#begin(socket)
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (!this.#expired) return super.dispatch(options, handler)
    if (this.stats.running > 0) return super.dispatch({ ...options, reset: true }, handler)
    this.#socket?.destroy()
    return super.dispatch(options, handler)
  }

  #begin(socket: Socket): void {
    const { clock, drawLifetimeMs, opened } = this.#aging
    this.#socket = socket
    this.#expired = false
    const end = clock.after(drawLifetimeMs(), () => {
      this.#expired = true
      if (this.stats.size === 0) socket.destroy()
    })
    socket.once('close', () => {
      end[Symbol.dispose]()
      if (this.#socket === socket) this.#socket = undefined
    })
    opened(socket)
  }
}
