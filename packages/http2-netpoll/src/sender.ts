import {
  frameFlag,
  frameHeadBytes,
  frameType,
  type HeaderField,
  headersBytes,
  protocolDefaults,
  windowBytesMax,
  writeData,
  writeFrameHead,
  writeGoaway,
  writeHeaders,
  writePingAck,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '@qps/http2-frames'
import { type Connection, reserveBytesMax } from '@qps/netpoll'
import { BlockWriter } from './block-writer.ts'
import type { Http2Stream } from './stream.ts'

/** Room for a frame that is not DATA and not a header section. */
const controlBytesMax = 64
/** Above this the connection has enough to do: DATA waits until it has drained. */
const highWaterBytes = 64 * 1024
/** A client may give its windows back in steps of this: 512 bytes. Who gives back less dribbles (CVE-2019-9511). */
const returnedBytesLog2 = 9

/**
 * What a session sends: frames, written where the connection's output lies, and the windows that bound them. All frames of a
 * turn leave in one send.
 */
export class SessionSender {
  /** Streams with a body that waits, in the order in which they get their next frame. */
  readonly waiting: Set<Http2Stream> = new Set()
  /** Bytes of bodies that wait. */
  queuedBytes = 0
  /** Pieces of bodies that have left to their last byte: what a client that reads makes grow. */
  piecesSent = 0
  /** Frames without content that the client may send for what was sent to it: window updates, and pings that measure. */
  returnsDue = 0
  /** The client's SETTINGS_INITIAL_WINDOW_SIZE. */
  initialWindow: number = protocolDefaults.initialWindowBytes

  readonly #output: Connection
  readonly #blocks = new BlockWriter()
  #maxFrameBytes: number = protocolDefaults.maxFrameBytes
  #window: number = protocolDefaults.initialWindowBytes

  constructor(output: Connection) {
    this.#output = output
  }

  set maxFrameBytes(bytes: number) {
    // Larger frames would only mean that others wait longer.
    this.#maxFrameBytes = Math.min(bytes, protocolDefaults.maxFrameBytes)
  }

  set headerTableBytes(bytes: number) {
    this.#blocks.resize(bytes)
  }

  /** Bytes that one DATA frame may have now, as far as the session is concerned; 0 or less where it has to wait. */
  room(): number {
    // An empty write changes nothing, and asks to be told when the connection has drained where it has its fill.
    if (this.#output.pendingBytes > highWaterBytes && !this.#output.write(nothing)) return 0
    return Math.min(this.#window, this.#maxFrameBytes)
  }

  /** A WINDOW_UPDATE for the session. @returns false where the window has grown beyond its bound. */
  widen(bytes: number): boolean {
    this.#window += bytes
    if (this.#window > windowBytesMax) return false
    this.pump()
    return true
  }

  /**
   * Sends what waits, a frame of each stream in turn, until windows or connection are full. Who has sent goes to the end of
   * the row, where the walk comes by again; who cannot send keeps his place.
   */
  pump(): void {
    for (const stream of this.waiting) {
      if (!stream.sendOne() || !stream.waiting) continue
      this.waiting.delete(stream)
      this.waiting.add(stream)
    }
  }

  headers(streamId: number, fields: readonly HeaderField[], endStream: boolean): void {
    const block = this.#blocks.block(fields)
    const bytes = headersBytes(block.length, this.#maxFrameBytes)
    const output = this.#output
    if (bytes <= reserveBytesMax) {
      const at = output.reserve(bytes)
      if (at !== -1) output.commit(writeHeaders(output.output, at, streamId, block, endStream, this.#maxFrameBytes))
      return
    }
    const out = new Uint8Array(bytes)
    writeHeaders(out, 0, streamId, block, endStream, this.#maxFrameBytes)
    output.write(out)
  }

  /** One frame, which the windows allow. @param bytes not to be changed any more. */
  data(streamId: number, bytes: Uint8Array, from: number, to: number, endStream: boolean): void {
    const output = this.#output
    const length = to - from
    this.#window -= length
    this.returnsDue += length >> returnedBytesLog2
    if (to === bytes.length) {
      this.piecesSent++
      this.returnsDue += 2
    }
    const whole = frameHeadBytes + length <= reserveBytesMax
    const at = output.reserve(whole ? frameHeadBytes + length : frameHeadBytes)
    if (at === -1) return
    if (whole) return output.commit(writeData(output.output, at, streamId, bytes, from, to, endStream))
    // The payload follows from where it lies: only the head is written, and its length set by hand.
    const out = output.output
    const end = writeFrameHead(out, at, 0, frameType.data, endStream ? frameFlag.endStream : frameFlag.none, streamId)
    out[at] = length >>> 16
    out[at + 1] = length >>> 8
    out[at + 2] = length
    output.commit(end)
    output.write(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to))
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.#control((out, at) => writeWindowUpdate(out, at, streamId, bytes))
  }

  reset(streamId: number, code: number): void {
    this.#control((out, at) => writeRstStream(out, at, streamId, code))
  }

  settings(settings: readonly (readonly [id: number, value: number])[]): void {
    this.#control((out, at) => writeSettings(out, at, settings))
  }

  settingsAck(): void {
    this.#control(writeSettingsAck)
  }

  pingAck(bytes: Uint8Array, opaque: number): void {
    this.#control((out, at) => writePingAck(out, at, bytes, opaque))
  }

  /** A PING of ours, of eight zeros. */
  ping(): void {
    this.#control((out, at) => {
      const payload = writeFrameHead(out, at, 8, frameType.ping, frameFlag.none, 0)
      out.fill(0, payload, payload + 8)
      return payload + 8
    })
  }

  goaway(lastStreamId: number, code: number): void {
    this.#control((out, at) => writeGoaway(out, at, lastStreamId, code))
  }

  #control(write: (out: Uint8Array, at: number) => number): void {
    const output = this.#output
    const at = output.reserve(controlBytesMax)
    if (at !== -1) output.commit(write(output.output, at))
  }
}

const nothing = new Uint8Array(0)
