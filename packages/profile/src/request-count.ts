import { type RequestDone, requestDoneChannel } from '@qps/http-contract'
import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'

export interface RequestCountOptions {
  /** The port whose requests count. Asked at each request: it may change. */
  port: () => number
  /** Requests answered so far by whoever counts them anyway, also in other threads; undefined where nobody does. */
  served?: () => Promise<number | undefined>
}

/** Counts from its beginning. */
export interface RequestWindow extends Disposable {
  /** Requests since the window was opened. */
  read(): Promise<number>
}

/**
 * Counts requests from outside of the server, through Node's diagnostics channels, and only while somebody has a window
 * open: otherwise it costs nothing. Requests that other threads answer are known from `served` alone.
 */
export class RequestCount {
  readonly #port: () => number
  readonly #served: () => Promise<number | undefined>
  #windows = 0
  #count = 0

  constructor({ port, served = async () => undefined }: RequestCountOptions) {
    this.#port = port
    this.#served = served
  }

  /** Begins to count. Close it by disposing of it. */
  async open(): Promise<RequestWindow> {
    const servedBefore = await this.#served()
    if (this.#windows++ === 0) this.#subscribe()
    const before = this.#count
    let open = true
    return {
      read: async () => {
        const served = await this.#served()
        const elsewhere = served === undefined || servedBefore === undefined ? 0 : served - servedBefore
        return Math.max(this.#count - before, elsewhere)
      },
      [Symbol.dispose]: () => {
        if (open && --this.#windows === 0) this.#unsubscribe()
        open = false
      },
    }
  }

  #subscribe(): void {
    channel('http.server.request.start').subscribe(this.#onStart)
    channel(requestDoneChannel).subscribe(this.#onDone)
  }

  #unsubscribe(): void {
    channel('http.server.request.start').unsubscribe(this.#onStart)
    channel(requestDoneChannel).unsubscribe(this.#onDone)
  }

  /** Node's own servers: the socket knows its port for certain only while the request begins. */
  readonly #onStart = (message: unknown): void => {
    const { request } = message as { request: IncomingMessage }
    if (request.socket.localPort === this.#port()) this.#count++
  }

  /** Our servers tell of what they have answered. */
  readonly #onDone = (message: unknown): void => {
    this.#count += (message as RequestDone).count
  }
}
