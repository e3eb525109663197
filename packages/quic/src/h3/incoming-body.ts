import { quicError } from '../errors.ts'

/** Room for all bodies that are being collected. */
export interface BodyRoom {
  /** @returns false where there is no room for so much more. */
  take(bytes: number): boolean
  give(bytes: number): void
}

/**
 * The body of a message that is arriving, for one reader. It is read from its stream only as fast as somebody asks for it: what
 * is not asked for stays in QUIC's window, and fills the sender's.
 *
 * @example for await (const piece of response.body) bytes += piece.length
 */
export class IncomingBody implements AsyncIterable<Buffer> {
  /** Called where more is wanted. */
  onPull: () => void = () => {}
  #pieces: Buffer[] = []
  #isEnded = false
  #error: Error | undefined
  #wanted: { resolve: () => void } | undefined

  /** True while somebody waits for more. */
  get isWanted(): boolean {
    return this.#wanted !== undefined
  }

  /** @param bytes copied. */
  push(bytes: Uint8Array): void {
    this.#pieces.push(Buffer.from(bytes))
    this.#wake()
  }

  end(): void {
    this.#isEnded = true
    this.#wake()
  }

  /** The rest will never come. */
  fail(error: Error): void {
    if (this.#isEnded) return
    this.#error ??= error
    this.#wake()
  }

  /** @throws QpsError QPS_QUIC_STREAM, QPS_QUIC_CLOSED where the rest does not come. */
  async *[Symbol.asyncIterator](): AsyncIterator<Buffer> {
    for (;;) {
      const pieces = this.#pieces
      this.#pieces = []
      yield* pieces
      if (this.#pieces.length > 0) continue
      if (this.#error !== undefined) throw this.#error
      if (this.#isEnded) return
      await this.#more()
    }
  }

  /**
   * The whole body.
   *
   * @param bytesMax default 16 MiB. @param room default as much as it takes.
   * @throws QpsError QPS_QUIC_BODY where it is longer, QPS_QUIC_ROOM where there is no room for it; QPS_QUIC_STREAM, QPS_QUIC_CLOSED.
   */
  async collect(bytesMax: number = 16 * 1024 * 1024, room?: BodyRoom): Promise<Buffer> {
    const pieces: Buffer[] = []
    let bytes = 0
    try {
      for await (const piece of this) {
        if (bytes + piece.length > bytesMax)
          throw quicError('QPS_QUIC_BODY', `the body has more than ${bytesMax} bytes`)
        if (room?.take(piece.length) === false) throw quicError('QPS_QUIC_ROOM', 'there is no room for more bodies')
        bytes += piece.length
        pieces.push(piece)
      }
      return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes)
    } finally {
      room?.give(bytes)
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wanted = { resolve }
      this.onPull()
    })
  }

  #wake(): void {
    const wanted = this.#wanted
    this.#wanted = undefined
    wanted?.resolve()
  }
}
