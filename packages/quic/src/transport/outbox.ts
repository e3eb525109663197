import type { QuicheConnection } from '../binding/quiche.ts'

interface Outgoing {
  pieces: Uint8Array[]
  /** The first piece that is not sent, and how much of it is. */
  index: number
  offset: number
  isLast: boolean
}

/** What becomes of a stream's output. */
export interface OutboxEvents {
  /** quiche has taken all of it, up to its end. */
  finished(streamId: number): void
  /** The other side wants no more of it. */
  stopped(streamId: number): void
}

/**
 * What waits to be sent on the streams of a connection. quiche takes bytes as far as windows and congestion allow, and copies
 * them; the rest waits here, not copied. What is given must not change until it has left.
 */
export class Outbox {
  /** Bytes that quiche has taken since the start: progress, for whoever watches slow readers. */
  taken = 0
  readonly #raw: QuicheConnection
  readonly #events: OutboxEvents
  readonly #waiting = new Map<number, Outgoing>()

  constructor(raw: QuicheConnection, events: OutboxEvents) {
    this.#raw = raw
    this.#events = events
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  write(streamId: number, pieces: readonly Uint8Array[], isLast: boolean): void {
    const outgoing = this.#waiting.get(streamId) ?? { pieces: [], index: 0, offset: 0, isLast: false }
    outgoing.pieces.push(...pieces)
    outgoing.isLast = isLast
    this.#waiting.set(streamId, outgoing)
  }

  /** Nothing more of it is sent. */
  discard(streamId: number): void {
    this.#waiting.delete(streamId)
  }

  /** Offers quiche what waits. O(streams that wait + bytes taken). */
  flush(): void {
    for (const [streamId, outgoing] of this.#waiting) {
      try {
        if (!this.#offer(streamId, outgoing)) continue
        this.#waiting.delete(streamId)
      } catch {
        // StreamStopped, or a stream that is over: nobody waits for the rest.
        this.#waiting.delete(streamId)
        this.#events.stopped(streamId)
        continue
      }
      if (outgoing.isLast) this.#events.finished(streamId)
    }
  }

  /** @returns true where nothing is left. */
  #offer(streamId: number, outgoing: Outgoing): boolean {
    const { pieces } = outgoing
    while (outgoing.index < pieces.length) {
      const piece = pieces[outgoing.index]!
      const isLast = outgoing.isLast && outgoing.index === pieces.length - 1
      const rest = outgoing.offset === 0 ? piece : piece.subarray(outgoing.offset)
      const taken = this.#raw.streamSend(streamId, rest, isLast)
      if (taken === null) return false
      this.taken += taken
      outgoing.offset += taken
      if (outgoing.offset < piece.length) return false
      outgoing.index++
      outgoing.offset = 0
    }
    return true
  }
}
