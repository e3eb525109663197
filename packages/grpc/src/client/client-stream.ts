import type { ClientHttp2Stream } from 'node:http2'
import type { AnyMethod, MethodDefinition } from '../definition.ts'
import { GrpcError } from '../error.ts'
import type { Metadata } from '../metadata.ts'
import { GrpcStatus } from '../status.ts'
import { type CallOptions, ClientCall, type ClientCallListener, type EndOfCall, errorOf } from './call.ts'
import type { Channel } from './channel.ts'

/** Replies that wait for their reader; beyond, the server has to wait. What one read brings at once may exceed it. */
const repliesHighWater = 16

/**
 * A call that streams in one direction or both. Replies are read by iterating; an iteration that is left cancels the call,
 * and one over a call that ends with another status than OK throws it, after the replies that came before.
 *
 * @example for await (const reply of client.serverStream(method, request)) console.log(reply)
 */
export class ClientStream<Request, Reply> implements AsyncIterable<Reply>, ClientCallListener {
  /** The server's header section: comes with the first reply or before. Empty where the call ended without one. */
  readonly metadata: Promise<Metadata>
  /** How the call ended. Never rejects. */
  readonly status: Promise<EndOfCall>
  readonly #call: ClientCall
  readonly #ready = Promise.withResolvers<ClientHttp2Stream>()
  readonly #metadata = Promise.withResolvers<Metadata>()
  readonly #status = Promise.withResolvers<EndOfCall>()
  readonly #replies: Reply[] = []
  #end: EndOfCall | undefined
  #wake: (() => void) | undefined
  readonly #writers = new Set<() => void>()

  constructor(
    channel: Channel,
    method: MethodDefinition<Request, Reply>,
    options: CallOptions,
    request?: { message: Request },
  ) {
    this.metadata = this.#metadata.promise
    this.status = this.#status.promise
    // Whoever writes learns of it; nobody has to.
    this.#ready.promise.catch(() => undefined)
    this.#call = new ClientCall(channel, method as AnyMethod, options, this, request)
    this.#call.start()
  }

  /**
   * Sends a message. Wait for it before the next one: that is how the server's pace reaches the caller.
   *
   * @throws GrpcError the status of a call that is over; RESOURCE_EXHAUSTED for a message beyond the limit.
   */
  async write(message: Request): Promise<void> {
    const framed = this.#call.framed(message)
    const stream = await this.#ready.promise
    this.#throwIfOver()
    await new Promise<void>((resolve) => {
      // A stream that is destroyed may never call back: the end of the call does.
      this.#writers.add(resolve)
      stream.write(framed, () => {
        this.#writers.delete(resolve)
        resolve()
      })
    })
    this.#throwIfOver()
  }

  /** The last message has been sent. */
  end(): void {
    this.#ready.promise.then(
      (stream) => stream.end(),
      () => undefined,
    )
  }

  cancel(): void {
    this.#call.cancel()
  }

  /**
   * The one reply of a client stream, once the call has ended well.
   *
   * @throws GrpcError the call's status; INTERNAL where there was no reply, or more than one.
   */
  async reply(): Promise<Reply> {
    const replies: Reply[] = []
    for await (const reply of this) {
      if (replies.push(reply) > 1) throw new GrpcError(GrpcStatus.INTERNAL, 'more than one reply came')
    }
    if (replies.length === 0) throw new GrpcError(GrpcStatus.INTERNAL, 'the call ended well, but without a reply')
    return replies[0]!
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Reply, void, undefined> {
    try {
      while (true) {
        while (this.#replies.length > 0) yield this.#next()
        if (this.#end) break
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      this.cancel()
    }
    if (this.#end.code !== GrpcStatus.OK) throw errorOf(this.#end)
  }

  /** @internal */
  onReady(stream: ClientHttp2Stream): void {
    this.#ready.resolve(stream)
  }

  /** @internal */
  onMetadata(metadata: Metadata): void {
    this.#metadata.resolve(metadata)
  }

  /** @internal */
  onReply(reply: unknown): void {
    if (this.#replies.push(reply as Reply) >= repliesHighWater) this.#call.pause()
    this.#wake?.()
  }

  /** @internal */
  onStatus(end: EndOfCall): void {
    this.#end = end
    this.#ready.reject(errorOf(end))
    this.#status.resolve(end)
    for (const writer of this.#writers) writer()
    this.#writers.clear()
    this.#wake?.()
  }

  #next(): Reply {
    const reply = this.#replies.shift()!
    if (this.#replies.length < repliesHighWater) this.#call.resume()
    return reply
  }

  #throwIfOver(): void {
    if (this.#end) throw errorOf(this.#end)
  }
}
