import { streamIdMax } from '@qps/http2-frames'

/** One request and its answer. The objects are made once per connection and used for one stream after another. */
export class Stream {
  /** 0 where it is free. */
  id = 0
  intendedMs = 0
  /** When a sweep first saw it; 0 before. */
  seenMs = 0
  /** Bytes of the request's content that were sent, and how many more the server takes on this stream. */
  sentBytes = 0
  sendWindow = 0
  /** Waits for the server's windows. */
  blocked = false
  /** The answer is whole and was judged, and the request is not all sent. */
  answered = false
  /** 0 until the answer's head has come. */
  status = 0
  contentLength = -1
  bodyBytes = 0
  /** Bytes that arrived since the stream's window was last opened. */
  unacknowledgedBytes = 0
  /** gRPC: the length that the message's head has announced, and how many bytes of the head have come. */
  messageBytes = 0
  messageHeadBytes = 0
}

/**
 * The streams of one connection. Identifiers are odd and count upwards, and a stream is found by its own, in a ring: where
 * the place is still taken by a slow one, an identifier is left out (RFC 9113, section 5.1.1, allows that).
 *
 *   id   …  201   203   205   207
 *   place    0     1     2     3      = (id >> 1) & mask
 */
export class Streams {
  /** Streams in use. */
  length = 0
  readonly #ring: readonly Stream[]
  readonly #mask: number
  #next: number

  /**
   * @param capacity so many can be in use; the ring is rounded up to a power of two.
   * @param firstId odd; a client's first is 1.
   */
  constructor(capacity: number, firstId = 1) {
    this.#next = firstId
    const size = 2 ** Math.ceil(Math.log2(Math.max(1, capacity)))
    this.#ring = Array.from({ length: size }, () => new Stream())
    this.#mask = size - 1
  }

  /** No identifier is left that can certainly be used: the connection has to be replaced. */
  get exhausted(): boolean {
    return this.#next > streamIdMax - 2 * this.#ring.length
  }

  /** Only where fewer than the capacity are in use, and identifiers are left. O(1) unless slow ones are in the way. */
  open(intendedMs: number, sendWindow: number): Stream {
    let stream = this.#ring[(this.#next >>> 1) & this.#mask]!
    while (stream.id !== 0) {
      this.#next += 2
      stream = this.#ring[(this.#next >>> 1) & this.#mask]!
    }
    stream.id = this.#next
    this.#next += 2
    stream.intendedMs = intendedMs
    stream.seenMs = 0
    stream.sentBytes = 0
    stream.sendWindow = sendWindow
    stream.answered = false
    stream.status = 0
    stream.contentLength = -1
    stream.bodyBytes = 0
    stream.unacknowledgedBytes = 0
    stream.messageBytes = 0
    stream.messageHeadBytes = 0
    this.length++
    return stream
  }

  /** The stream in use that has this identifier. */
  find(id: number): Stream | undefined {
    const stream = this.#ring[(id >>> 1) & this.#mask]!
    return stream.id === id ? stream : undefined
  }

  /** True of an identifier that no stream has had yet, and of the server's, which it was not allowed to use. */
  isIdle(id: number): boolean {
    return id >= this.#next || id % 2 === 0
  }

  close(stream: Stream): void {
    stream.id = 0
    this.length--
  }

  /** Calls back for each stream in use; it may close the one that it is given. */
  forEach(visit: (stream: Stream) => void): void {
    if (this.length === 0) return
    for (const stream of this.#ring) if (stream.id !== 0) visit(stream)
  }
}
