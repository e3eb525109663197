import type { HeaderField } from '@qps/http2-frames'
import type { Http2Stream, StreamListener } from '@qps/http2-netpoll'
import { okTrailers, responseHeaders } from '../server/call.ts'
import type { CallStream, CallStreamEvents } from '../server/transport.ts'

/** A call's stream on the engine. */
export class EngineCallStream implements CallStream, StreamListener {
  readonly authContext: object = noContext
  readonly #stream: Http2Stream
  /** Undefined where the call was refused. */
  #events: CallStreamEvents | undefined

  constructor(stream: Http2Stream) {
    this.#stream = stream
    stream.listener = this
  }

  get closed(): boolean {
    return this.#stream.closed
  }

  get blocked(): boolean {
    return this.#stream.waiting
  }

  get peer(): string {
    const { remoteAddress, remotePort } = this.#stream
    return remoteAddress === '' ? 'unknown' : `${remoteAddress}:${remotePort}`
  }

  listen(events: CallStreamEvents): void {
    this.#events = events
  }

  respond(headers: readonly string[], endStream: boolean): void {
    this.#stream.respond(fieldsOf(headers), endStream)
  }

  write(framed: Buffer, taken: () => void): void {
    this.#stream.write(framed, taken)
  }

  end(framed: Buffer | undefined, trailers: readonly string[]): void {
    this.#stream.end(framed, fieldsOf(trailers))
  }

  pause(): void {
    this.#stream.hold()
  }

  resume(): void {
    this.#stream.release()
  }

  reset(code: number): void {
    this.#stream.reset(code)
  }

  // What the engine tells

  onData(bytes: Uint8Array, start: number, end: number): void {
    const events = this.#events
    if (events === undefined) return
    // The engine's memory is borrowed, and a message is its reader's to keep: this is the one copy on the way in.
    const piece = Buffer.allocUnsafe(end - start)
    piece.set(bytes.subarray(start, end))
    events.copies++
    events.copiedBytes += end - start
    events.onData(piece)
  }

  onEnd(): void {
    this.#events?.onRequestOver()
  }

  onAnswered(): void {
    this.#events?.onAnswered()
  }

  onClose(): void {
    this.#events?.onStreamClosed()
  }
}

const noContext = Object.freeze({})

/** The lists of nearly every call, as the engine knows them again. */
const known = new Map([responseHeaders, okTrailers].map((list) => [list, Object.freeze(paired(list))]))

function fieldsOf(headers: readonly string[]): readonly HeaderField[] {
  return known.get(headers) ?? paired(headers)
}

function paired(list: readonly string[]): readonly HeaderField[] {
  return Array.from({ length: list.length / 2 }, (_, index) => [list[2 * index]!, list[2 * index + 1]!] as const)
}
