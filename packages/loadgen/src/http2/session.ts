import {
  connectionPreface,
  errorCode,
  FrameReader,
  frameFlag,
  frameType,
  protocolDefaults,
  type ProtocolFailure,
  readSettings,
  readUint31,
  readUint32,
  setting,
  windowBytesMax,
  writePingAck,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '@qps/http2-frames'
import type { FrameOutput } from './frame-output.ts'

/** What the server asks us to answer, in a row and with no answer of its own between: more is a flood (CVE-2019-9512). */
const repliesMax = 1000

/**
 * The connection's own part of HTTP/2, on the client's side: the preface, the exchange of SETTINGS, PING, and the windows of
 * both directions. What belongs to streams is left to whoever reads the frames. One per socket.
 *
 * Source: RFC 9113, sections 3.4, 5.2, 6.5, 6.7 to 6.9.
 */
export class Session {
  readonly reader: FrameReader = new FrameReader()
  /** What the server has done wrong; the connection is then lost. */
  failure: ProtocolFailure | undefined
  /** The server's SETTINGS have arrived. */
  ready = false
  /** What the server allows: streams in flight, bytes in a frame of content or headers, and of header table. */
  streamsMax: number = Infinity
  maxFrameBytes: number = protocolDefaults.maxFrameBytes
  headerTableBytes: number = protocolDefaults.headerTableBytes
  /** What the server takes on a new stream, and on the whole connection, before it says more. */
  initialWindow: number = protocolDefaults.initialWindowBytes
  sendWindow: number = protocolDefaults.initialWindowBytes

  readonly #output: FrameOutput
  readonly #windowBytes: number
  #unacknowledgedBytes = 0
  #replies = 0

  constructor(output: FrameOutput, windowBytes: number) {
    this.#output = output
    this.#windowBytes = windowBytes
  }

  /** Writes what a client sends first. The connection's window has no setting: it is opened like any window. */
  begin(): void {
    const { bytes } = this.#output
    bytes.set(connectionPreface, this.#output.at)
    const at = writeSettings(bytes, this.#output.at + connectionPreface.length, [
      [setting.enablePush, 0],
      [setting.initialWindowSize, this.#windowBytes],
    ])
    this.#output.at = at
    const moreBytes = this.#windowBytes - protocolDefaults.initialWindowBytes
    if (moreBytes > 0) this.#output.at = writeWindowUpdate(bytes, at, 0, moreBytes)
  }

  /**
   * Takes SETTINGS and PING, and a WINDOW_UPDATE of the connection, off the reader.
   *
   * @returns by how many bytes each stream's send window changes, where SETTINGS have changed it.
   */
  take(): number {
    const { type, flags } = this.reader
    if (!this.ready && (type !== frameType.settings || (flags & frameFlag.ack) !== 0)) {
      this.fail(errorCode.protocolError, 'SETTINGS are not the first that the server sends')
    } else if (type === frameType.settings) return this.#settings()
    else if (type === frameType.ping) this.#ping()
    else if (type === frameType.windowUpdate) this.sendWindow = this.widened(this.sendWindow)
    return 0
  }

  /** A window that the WINDOW_UPDATE on the reader opens further. */
  widened(window: number): number {
    const { bytes, start } = this.reader
    const more = readUint31(bytes, start)
    if (more === 0) this.fail(errorCode.protocolError, 'WINDOW_UPDATE by nothing')
    if (window + more > windowBytesMax) this.fail(errorCode.flowControlError, 'a window of more than 2^31-1 bytes')
    return window + more
  }

  /** Content has arrived: opens the window again when half of it is used up, so that updates are few. */
  received(payloadBytes: number): void {
    this.#unacknowledgedBytes = this.reopened(0, this.#unacknowledgedBytes + payloadBytes)
  }

  /**
   * As {@link received}, of any window.
   *
   * @param unacknowledged bytes that arrived since it was last opened. @returns how many still are.
   */
  reopened(streamId: number, unacknowledged: number): number {
    if (unacknowledged <= this.#windowBytes / 2) return unacknowledged
    this.#output.at = writeWindowUpdate(this.#output.bytes, this.#output.at, streamId, unacknowledged)
    return 0
  }

  /** An answer has come: replies are counted anew. */
  progressed(): void {
    this.#replies = 0
  }

  fail(code: number, what: string): void {
    this.failure ??= { code, what }
  }

  #settings(): number {
    const { bytes, start, end, flags } = this.reader
    if ((flags & frameFlag.ack) !== 0) return 0
    const before = this.initialWindow
    const refusal = readSettings(bytes, start, end, (id, value) => this.#apply(id, value))
    this.failure ??= refusal
    this.ready = true
    if (this.#mayReply()) this.#output.at = writeSettingsAck(this.#output.bytes, this.#output.at)
    return this.initialWindow - before
  }

  #apply(id: number, value: number): void {
    if (id === setting.maxConcurrentStreams) this.streamsMax = value
    else if (id === setting.maxFrameSize) this.maxFrameBytes = value
    else if (id === setting.headerTableSize) this.headerTableBytes = value
    else if (id === setting.initialWindowSize) this.initialWindow = value
    else if (id === setting.enablePush && value !== 0) {
      this.fail(errorCode.protocolError, 'a server that speaks as if it were a client')
    }
  }

  #ping(): void {
    const { bytes, start, flags } = this.reader
    if ((flags & frameFlag.ack) !== 0 || !this.#mayReply()) return
    this.#output.at = writePingAck(this.#output.bytes, this.#output.at, bytes, start)
  }

  #mayReply(): boolean {
    this.#replies++
    if (this.#replies > repliesMax) this.fail(errorCode.enhanceYourCalm, 'a flood of PING or SETTINGS')
    return this.failure === undefined
  }
}

/** The last stream that the server will answer, and why it goes: what GOAWAY says. */
export function readGoaway({ bytes, start }: FrameReader): { lastStreamId: number; code: number } {
  return { lastStreamId: readUint31(bytes, start), code: readUint32(bytes, start + 4) }
}
