import type { SecureClientSessionOptions } from 'node:http2'
import { type Clock, describe, QpsError, systemClock } from '@qps/core'
import type { AnyMethod, MethodDefinition } from '../definition.ts'
import type { Metadata } from '../metadata.ts'
import { checkedLimits, type GrpcLimits } from '../options.ts'
import { GrpcStatus } from '../status.ts'
import { type CallOptions, ClientCall, type ClientCallListener, type EndOfCall, errorOf } from './call.ts'
import { Channel } from './channel.ts'
import { ClientStream } from './client-stream.ts'

export interface GrpcClientOptions {
  /** `http://host:port`, or `https://` for TLS. */
  origin: string
  limits?: Partial<GrpcLimits>
  /** Default: the system's. */
  clock?: Clock
  /** Certificates and the like, as node:tls has them, where the origin is `https://`. */
  tls?: SecureClientSessionOptions
}

export interface UnaryOptions extends CallOptions {
  /** The server's header section. */
  onMetadata?: (metadata: Metadata) => void
  /** How the call ended: the trailing metadata of one that went well, for instance. */
  onStatus?: (end: EndOfCall) => void
}

/** @throws QpsError QPS_OPTION for an origin that is no `http://` or `https://` URL, or a limit out of its range. */
export function createGrpcClient(options: GrpcClientOptions): GrpcClient {
  return new GrpcClient(options)
}

/**
 * Calls to one origin, over one connection that is made when it is first needed, and again after it was lost. Methods are
 * those of a definition; calls fail with a {@link GrpcError}.
 */
export class GrpcClient {
  readonly #channel: Channel

  constructor({ origin, limits, clock = systemClock, tls = {} }: GrpcClientOptions) {
    const url = URL.parse(origin)
    if (url === null || !['http:', 'https:'].includes(url.protocol)) {
      throw new QpsError('QPS_OPTION', `origin must be an http:// or https:// URL, not ${describe(origin)}`)
    }
    this.#channel = new Channel(url, checkedLimits(limits), clock, tls)
  }

  /** Calls that wait for a stream. */
  get queued(): number {
    return this.#channel.queued
  }

  /**
   * One message there, one back. A call that the server refused before it began is sent once more.
   *
   * @throws GrpcError any status but OK.
   */
  async unary<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    request: Request,
    options: UnaryOptions = {},
  ): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      const listener = new UnaryListener(options, resolve as (reply: unknown) => void, reject)
      const call = new ClientCall(this.#channel, method as AnyMethod, options, listener, { message: request })
      listener.call = call
      call.start()
    })
  }

  /** One message there, any number back. */
  serverStream<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    request: Request,
    options: CallOptions = {},
  ): ClientStream<Request, Reply> {
    return new ClientStream(this.#channel, method, options, { message: request })
  }

  /** Any number of messages there, then one back: `write` them, `end`, and await `reply()`. */
  clientStream<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    options: CallOptions = {},
  ): ClientStream<Request, Reply> {
    return new ClientStream(this.#channel, method, options)
  }

  /** Any number of messages in both directions, each at its own pace. */
  bidi<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    options: CallOptions = {},
  ): ClientStream<Request, Reply> {
    return new ClientStream(this.#channel, method, options)
  }

  /**
   * Takes no more calls, and resolves when those in flight have ended.
   *
   * @param limitMs after this they are cut. Default 5000.
   */
  close(limitMs: number = 5_000): Promise<void> {
    return this.#channel.close(limitMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

class UnaryListener implements ClientCallListener {
  call: ClientCall | undefined
  readonly #options: UnaryOptions
  readonly #resolve: (reply: unknown) => void
  readonly #reject: (error: unknown) => void
  #reply: unknown
  #replies = 0

  constructor(options: UnaryOptions, resolve: (reply: unknown) => void, reject: (error: unknown) => void) {
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
  }

  onReady(): void {
    // The request is on its way already.
  }

  onMetadata(metadata: Metadata): void {
    this.#options.onMetadata?.(metadata)
  }

  onReply(reply: unknown): void {
    this.#reply = reply
    if (++this.#replies > 1) this.call!.fail(GrpcStatus.INTERNAL, 'more than one reply came')
  }

  onStatus(end: EndOfCall): void {
    this.#options.onStatus?.(end)
    if (end.code !== GrpcStatus.OK) this.#reject(errorOf(end))
    else if (this.#replies === 1) this.#resolve(this.#reply)
    else
      this.#reject(errorOf({ ...end, code: GrpcStatus.INTERNAL, details: 'the call ended well, but without a reply' }))
  }
}
