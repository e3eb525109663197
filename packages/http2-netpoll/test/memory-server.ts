import { ManualClock } from '@qps/core'
import { connectionPreface, type HeaderField, HpackEncoder } from '@qps/http2-frames'
import {
  type EngineRefusal,
  Http2NetpollServer,
  type Http2NetpollOptions,
  type StreamHandler,
} from '@qps/http2-netpoll'
import { frame, settings } from '@qps/testkit'
import { type MemoryConnection, MemoryPoller } from './memory-poller.ts'
import { FrameLog } from './support.ts'

/** A server without sockets, with a clock that the test moves. */
export class MemoryServer {
  readonly clock = new ManualClock()
  readonly refused: EngineRefusal[] = []
  readonly errors: unknown[] = []
  readonly server: Http2NetpollServer
  readonly #poller = new MemoryPoller()

  constructor(handler: StreamHandler, options: Http2NetpollOptions = {}) {
    this.server = new Http2NetpollServer(this.#poller.poller, handler, {
      clock: this.clock,
      onRefused: (reason) => this.refused.push(reason),
      onError: (error) => this.errors.push(error),
      ...options,
    })
    void this.server.listen({ port: 0 })
  }

  /** A client that has said its preface and these frames; without any, only its (empty) SETTINGS. */
  connect(...frames: Buffer[]): MemoryClient {
    const client = this.open()
    client.send(Buffer.from(connectionPreface), ...(frames.length === 0 ? [settings()] : frames))
    return client
  }

  /** A client that has said nothing. */
  open(remoteAddress?: string): MemoryClient {
    return new MemoryClient(this.#poller.connect(remoteAddress))
  }

  /** Time passes, in steps; connections that were destroyed meanwhile are told so. */
  pass(ms: number, ...clients: MemoryClient[]): void {
    for (let left = ms; left > 0; left -= 250) {
      this.clock.advance(Math.min(250, left))
      for (const { connection } of clients) connection.settle()
    }
  }

  /** What is kept of clients. */
  get kept(): number {
    const { inFlight, sessions, lingering, arriving } = this.server
    return inFlight + sessions.size + lingering.size + arriving.size
  }
}

export class MemoryClient {
  readonly connection: MemoryConnection
  readonly #log = new FrameLog()
  #read = 0

  constructor(connection: MemoryConnection) {
    this.connection = connection
  }

  send(...frames: Uint8Array[]): this {
    this.connection.receive(Buffer.concat(frames))
    return this
  }

  /** What the server has said so far. */
  get log(): FrameLog {
    this.connection.settle()
    const { sent } = this.connection
    this.#log.feed(sent.subarray(this.#read))
    this.#read = sent.length
    return this.#log
  }

  /** Without SETTINGS, WINDOW_UPDATE and PING. */
  get told(): string[] {
    return this.log.told
  }
}

/** HEADERS of these fields, which leave HPACK's table alone. */
export function head(streamId: number, fields: readonly HeaderField[], endStream = true): Buffer {
  const encoder = new HpackEncoder({ headerTableBytes: 0 })
  const block = Buffer.alloc(HpackEncoder.blockBytesMax(fields))
  const bytes = block.subarray(0, encoder.encode(fields, block, 0))
  // The encoder says first that it uses no table: that is for its first block only, and these are all the first.
  return frame(1, endStream ? 5 : 4, streamId, bytes.subarray(1))
}

const request: readonly HeaderField[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a'],
]
const plain = head(1, request, false)

/** A POST with these further fields, whose body is still to come. */
export function post(streamId: number, ...further: HeaderField[]): Buffer {
  return further.length === 0
    ? frame(1, 4, streamId, plain.subarray(9))
    : head(streamId, [...request, ...further], false)
}

export const data = (streamId: number, bytes: number, endStream = false): Buffer =>
  frame(0, endStream ? 1 : 0, streamId, Buffer.alloc(bytes, 'd'))
