import {
  frameHeadBytes,
  headersBytes,
  HpackEncoder,
  protocolDefaults,
  writeData,
  writeHeaders,
  writeUint32,
} from '@qps/http2-frames'
import type { TransportConnection } from '../transport.ts'
import type { FrameOutput } from './frame-output.ts'
import type { Http2Message } from './message.ts'
import type { Session } from './session.ts'
import type { Stream } from './streams.ts'

/** Content leaves in frames of so many bytes at most, whatever the server would take. */
const dataBytesMax = protocolDefaults.maxFrameBytes
/** Where the stream's identifier is in a frame's head. */
const idOffset = 5

/**
 * Writes the requests of one connection within the server's windows. From the second one on their header blocks are the
 * same bytes; where the content goes into one frame as well, a request is a copy of a prepared one with its stream's
 * identifier put in.
 */
export class RequestSender {
  readonly #message: Http2Message
  readonly #session: Session
  readonly #output: FrameOutput
  readonly #encoder = new HpackEncoder()
  /** The header block as it was last sent, and whether it will be the same from now on. */
  #block: Buffer = Buffer.alloc(0)
  #settled = false
  /** HEADERS and DATA of a request, where it can be sent as one piece; empty where it cannot. */
  #prepared: Uint8Array = new Uint8Array(0)
  #dataOffset = 0
  #blocked: Stream[] = []

  constructor(message: Http2Message, session: Session, output: FrameOutput) {
    this.#message = message
    this.#session = session
    this.#output = output
  }

  /** The server's SETTINGS have come: the table, and the largest frame, may be others. */
  settingsChanged(): void {
    this.#encoder.resize(this.#session.headerTableBytes)
    this.#settled = false
    this.#prepared = new Uint8Array(0)
  }

  /** Writes a request, as far as the windows let it; `resume` writes the rest. */
  send(stream: Stream, socket: TransportConnection): void {
    const { body } = this.#message
    const session = this.#session
    this.#output.makeRoom(socket)
    if (this.#prepared.length > 0 && session.sendWindow >= body.length && stream.sendWindow >= body.length) {
      this.#sendPrepared(stream)
      return
    }
    const { bytes, at } = this.#output
    this.#encode()
    this.#output.at = writeHeaders(bytes, at, stream.id, this.#block, body.length === 0, session.maxFrameBytes)
    this.#sendContent(stream, socket)
    if (this.#settled && this.#prepared.length === 0) this.#prepare()
  }

  /** Windows have opened: writes what waited for them. */
  resume(socket: TransportConnection): void {
    if (this.#blocked.length === 0) return
    const waiting = this.#blocked
    this.#blocked = []
    for (const stream of waiting) {
      stream.blocked = false
      this.#sendContent(stream, socket)
    }
  }

  /** All of the request has been written. */
  isSent(stream: Stream): boolean {
    return stream.sentBytes === this.#message.body.length
  }

  /** The stream is over: what is left of its content will not be sent. */
  abandon(stream: Stream): void {
    if (stream.blocked) this.#blocked = this.#blocked.filter((blocked) => blocked !== stream)
    stream.blocked = false
  }

  #sendContent(stream: Stream, socket: TransportConnection): void {
    const { body } = this.#message
    const session = this.#session
    while (stream.sentBytes < body.length) {
      const left = body.length - stream.sentBytes
      const count = Math.min(left, dataBytesMax, session.sendWindow, stream.sendWindow)
      if (count <= 0) {
        stream.blocked = true
        this.#blocked.push(stream)
        return
      }
      this.#output.makeRoom(socket)
      const to = stream.sentBytes + count
      const { bytes, at } = this.#output
      this.#output.at = writeData(bytes, at, stream.id, body, stream.sentBytes, to, to === body.length)
      this.#spend(stream, count)
    }
  }

  #spend(stream: Stream, bytes: number): void {
    stream.sentBytes += bytes
    stream.sendWindow -= bytes
    this.#session.sendWindow -= bytes
  }

  /** The first request fills the table, the second finds all of it there; from then on nothing changes any more. */
  #encode(): void {
    if (this.#settled) return
    const { fields } = this.#message
    const out = Buffer.alloc(HpackEncoder.blockBytesMax(fields))
    const block = out.subarray(0, this.#encoder.encode(fields, out, 0))
    this.#settled = block.equals(this.#block)
    this.#block = block
  }

  #prepare(): void {
    const { body } = this.#message
    const { maxFrameBytes } = this.#session
    if (body.length > dataBytesMax) return
    this.#dataOffset = headersBytes(this.#block.length, maxFrameBytes)
    // One frame of headers only: a second one would need its identifier too.
    if (this.#block.length > maxFrameBytes) return
    const prepared = new Uint8Array(this.#dataOffset + (body.length > 0 ? frameHeadBytes + body.length : 0))
    const at = writeHeaders(prepared, 0, 0, this.#block, body.length === 0, maxFrameBytes)
    if (body.length > 0) writeData(prepared, at, 0, body, 0, body.length, true)
    this.#prepared = prepared
  }

  #sendPrepared(stream: Stream): void {
    const { bytes, at } = this.#output
    const prepared = this.#prepared
    bytes.set(prepared, at)
    writeUint32(bytes, at + idOffset, stream.id)
    if (this.#dataOffset < prepared.length) writeUint32(bytes, at + this.#dataOffset + idOffset, stream.id)
    this.#output.at = at + prepared.length
    this.#spend(stream, this.#message.body.length)
  }
}
