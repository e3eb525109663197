import { type HandshakeDone, handshakeDoneChannel, type RequestDone, requestDoneChannel } from '@qps/http-contract'
import { Histogram } from '@qps/stats'
import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** What passed through the server since the previous look. */
export interface TrafficFigures {
  requests: number
  /** Answers with status 500 or above. */
  errors: number
  /** Milliseconds; 0 where nothing passed. */
  p50Ms: number
  p99Ms: number
  /** TLS handshakes that ended well, and how many of them took a session up again. */
  handshakes: number
  resumed: number
}

interface HttpMessage {
  request: IncomingMessage
  response: ServerResponse
}

/**
 * Watches the requests of this process from outside, through Node's diagnostics channels, so that a variant contains no
 * line for the console's sake. Subscribed only while somebody looks: without a terminal it costs nothing.
 *
 * @param port returns the port whose requests count; the admin port's do not.
 */
export class Traffic implements Disposable {
  readonly #started = new WeakMap<IncomingMessage, number>()
  readonly #latencyUs = new Histogram()
  readonly #port: () => number
  #errors = 0
  #handshakes = 0
  #resumed = 0

  constructor(port: () => number) {
    this.#port = port
    channel('http.server.request.start').subscribe(this.#onStart)
    channel('http.server.response.finish').subscribe(this.#onFinish)
    channel(requestDoneChannel).subscribe(this.#onDone)
    channel(handshakeDoneChannel).subscribe(this.#onHandshake)
  }

  /** The figures since the previous call. */
  take(): TrafficFigures {
    const { count } = this.#latencyUs
    const figures = {
      requests: count,
      errors: this.#errors,
      p50Ms: count === 0 ? 0 : this.#latencyUs.percentile(0.5) / 1000,
      p99Ms: count === 0 ? 0 : this.#latencyUs.percentile(0.99) / 1000,
      handshakes: this.#handshakes,
      resumed: this.#resumed,
    }
    this.#latencyUs.reset()
    this.#errors = 0
    this.#handshakes = 0
    this.#resumed = 0
    return figures
  }

  [Symbol.dispose](): void {
    channel('http.server.request.start').unsubscribe(this.#onStart)
    channel('http.server.response.finish').unsubscribe(this.#onFinish)
    channel(requestDoneChannel).unsubscribe(this.#onDone)
    channel(handshakeDoneChannel).unsubscribe(this.#onHandshake)
  }

  readonly #onStart = (message: unknown): void => {
    const { request } = message as HttpMessage
    if (request.socket.localPort === this.#port()) this.#started.set(request, performance.now())
  }

  /** Our own servers time their requests themselves. */
  readonly #onDone = (message: unknown): void => {
    const { status, seconds, count } = message as RequestDone
    for (let index = 0; index < count; index++) this.#latencyUs.record(Math.round(seconds * 1e6))
    if (status >= 500) this.#errors += count
  }

  readonly #onHandshake = (message: unknown): void => {
    this.#handshakes++
    if ((message as HandshakeDone).resumed) this.#resumed++
  }

  readonly #onFinish = (message: unknown): void => {
    const { request, response } = message as HttpMessage
    const startMs = this.#started.get(request)
    if (startMs === undefined) return
    this.#latencyUs.record(Math.round((performance.now() - startMs) * 1000))
    if (response.statusCode >= 500) this.#errors++
  }
}
