import { type Encoding, inflate } from './compression.ts'
import type { CopyCount } from './copies.ts'
import { GrpcError } from './error.ts'
import { FrameReader, type FrameSink } from './framing.ts'
import type { GrpcLimits } from './options.ts'
import { GrpcStatus } from './status.ts'

/** Whoever reads a call's messages. After `onFailure` nothing else is called. */
export interface MessageReaderEvents {
  onMessage(message: Buffer): void
  /** The peer has sent its last message. */
  onEnd(): void
  onFailure(error: GrpcError): void
  /** Nothing waits to be unpacked any more. */
  onUnpacked(): void
}

/**
 * The messages of one direction of a call, unpacked and in order. Without compression everything happens at once; from the
 * first compressed message on, what follows waits for it.
 */
export class MessageReader implements FrameSink {
  readonly #frames: FrameReader
  readonly #limits: GrpcLimits
  readonly #events: MessageReaderEvents
  /** What the peer's header section announced; messages come only after it. */
  encoding: Encoding = 'identity'
  /** The messages before are unpacked when this resolves; undefined while nothing is under way. */
  #before: Promise<void> | undefined
  #waiting = 0
  #over = false

  constructor(limits: GrpcLimits, count: CopyCount, events: MessageReaderEvents) {
    this.#frames = new FrameReader(limits.messageBytesMax, count, this)
    this.#limits = limits
    this.#events = events
  }

  /** Messages that wait for one to be unpacked: while there are any, the stream is better paused. */
  get waiting(): number {
    return this.#waiting
  }

  push(piece: Buffer): void {
    if (this.#over) return
    try {
      this.#frames.push(piece)
    } catch (error) {
      this.#inOrder(() => this.#fail(error))
    }
  }

  end(): void {
    if (!this.#frames.idle) {
      return this.#inOrder(() => this.#fail(new GrpcError(GrpcStatus.INTERNAL, 'the stream ended within a message')))
    }
    this.#inOrder(() => {
      if (this.#over) return
      this.#over = true
      this.#events.onEnd()
    })
  }

  /** @internal Called by the frame reader. */
  onFrame(message: Buffer, compressed: boolean): void {
    if (!compressed && this.#before === undefined) {
      if (!this.#over) this.#events.onMessage(message)
    } else if (!compressed) this.#inOrder(() => this.#over || this.#events.onMessage(message))
    else if (this.encoding === 'gzip') this.#inOrder(() => this.#unpack(message))
    else {
      const details = 'a message is compressed, but the header section announced no encoding'
      this.#inOrder(() => this.#fail(new GrpcError(GrpcStatus.INTERNAL, details)))
    }
  }

  async #unpack(message: Buffer): Promise<void> {
    if (this.#over) return
    try {
      const inflated = await inflate(message, this.#limits)
      if (!this.#over) this.#events.onMessage(inflated)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Runs a step after those before it: at once where none is under way and it takes no time. */
  #inOrder(step: () => unknown): void {
    this.#waiting++
    if (this.#before === undefined) {
      const result = step()
      if (result instanceof Promise) this.#before = result.then(() => this.#stepDone())
      else this.#waiting--
    } else this.#before = this.#before.then(step).then(() => this.#stepDone())
  }

  #stepDone(): void {
    this.#waiting--
    if (this.#waiting > 0) return
    this.#before = undefined
    if (!this.#over) this.#events.onUnpacked()
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.#over = true
    if (!(error instanceof GrpcError)) throw error
    this.#events.onFailure(error)
  }
}
