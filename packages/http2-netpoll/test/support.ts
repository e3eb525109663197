import { once } from 'node:events'
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { errorNames, FrameReader, frameFlag, frameName, frameType, HpackDecoder } from '@qps/http2-frames'
import { type RunningHttp2Netpoll, serveStreams, type ServeHttp2NetpollOptions } from '@qps/http2-netpoll'
import type { StreamHandler, StreamListener } from '@qps/http2-netpoll'
import { type Backend, probe } from '@qps/netpoll'
import { rawHttp2 } from '@qps/testkit'

/** What this machine allows; the rest is skipped where `surface.test.ts` says why. */
export const backends: readonly Backend[] = (['io_uring', 'epoll', 'libuv'] as const).filter(
  (backend) => probe()[backend] === undefined,
)

export const start = (
  backend: Backend,
  handler: StreamHandler,
  options: Partial<ServeHttp2NetpollOptions> = {},
): Promise<RunningHttp2Netpoll> => serveStreams({ port: 0, backend, ...options }, handler)

/** A listener that hears nothing, but for what a test adds. */
export const listener = (parts: Partial<StreamListener> = {}): StreamListener => ({
  onData() {},
  onEnd() {},
  onClose() {},
  ...parts,
})

/** Answers each stream with so many bytes, when its request is complete. */
export const answering =
  (bytes = 5): StreamHandler =>
  (stream) => {
    stream.listener = listener({
      onEnd() {
        stream.respond([[':status', '200']])
        stream.end(Buffer.alloc(bytes, 'x'))
      },
    })
  }

/** A client of node:http2. */
export async function session(port: number): Promise<ClientHttp2Session & Disposable> {
  const client = connect(`http://127.0.0.1:${port}`)
  client.on('error', () => {})
  await once(client, 'connect')
  return Object.assign(client, { [Symbol.dispose]: () => client.destroy() })
}

export interface Answer {
  status: number
  headers: Record<string, unknown>
  trailers: Record<string, unknown>
  body: Buffer
}

/** One request of node:http2 and its whole answer. */
export function ask(client: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: Buffer | string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = client.request(headers, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
    const pieces: Buffer[] = []
    const answer: Answer = { status: 0, headers: {}, trailers: {}, body: Buffer.alloc(0) }
    stream.on('response', (fields) => {
      answer.headers = { ...fields }
      answer.status = Number(fields[':status'])
    })
    stream.on('trailers', (fields) => (answer.trailers = { ...fields }))
    stream.on('data', (piece: Buffer) => pieces.push(piece))
    stream.on('error', reject)
    stream.on('close', () => resolve({ ...answer, body: Buffer.concat(pieces) }))
  })
}

/** What a server sends, as people read it: `HEADERS 1 200 end`, `DATA 1 5 end`, `RST_STREAM 1 CANCEL`, `GOAWAY 1 NO_ERROR`. */
export class FrameLog {
  readonly lines: string[] = []
  /** Bytes of all DATA, by stream. */
  readonly bodies: Map<number, number> = new Map()
  /** In the order in which DATA came. */
  readonly order: number[] = []
  readonly #reader = new FrameReader()
  readonly #decoder = new HpackDecoder()

  feed(bytes: Uint8Array): void {
    const reader = this.#reader
    for (let at = 0; at < bytes.length;) {
      at = reader.feed(bytes, at, bytes.length)
      if (reader.failure !== undefined) throw new Error(`the server sent ${reader.failure.what}`)
      if (reader.complete) this.#take()
    }
  }

  /** Without what says nothing about streams: SETTINGS, WINDOW_UPDATE and PING. */
  get told(): string[] {
    return this.lines.filter((line) => !/^(?:SETTINGS|WINDOW_UPDATE|PING)/.test(line))
  }

  #take(): void {
    const { type, flags, streamId, bytes, start, end } = this.#reader
    const view = Buffer.from(bytes.subarray(start, end))
    const ends = (flags & frameFlag.endStream) !== 0 ? ' end' : ''
    const name = frameName(type)
    if (type === frameType.headers) {
      const fields = new Map<string, string>()
      this.#decoder.decode(view, 0, view.length, (key, value) => void fields.set(key, value))
      if (this.#decoder.failure !== undefined) throw new Error(this.#decoder.failure)
      const what = fields.get(':status') ?? [...fields].map(([key, value]) => `${key}=${value}`).join(',')
      this.lines.push(`HEADERS ${streamId} ${what}${ends}`)
    } else if (type === frameType.data) {
      this.bodies.set(streamId, (this.bodies.get(streamId) ?? 0) + view.length)
      this.order.push(streamId)
      this.lines.push(`DATA ${streamId} ${view.length}${ends}`)
    } else if (type === frameType.rstStream) {
      this.lines.push(`RST_STREAM ${streamId} ${errorNames[view.readUInt32BE()]}`)
    } else if (type === frameType.goaway) {
      this.lines.push(`GOAWAY ${view.readUInt32BE()} ${errorNames[view.readUInt32BE(4)]}`)
    } else if (type === frameType.windowUpdate) this.lines.push(`WINDOW_UPDATE ${streamId} ${view.readUInt32BE()}`)
    else this.lines.push(`${name}${(flags & frameFlag.ack) !== 0 ? ' ack' : ''} ${view.toString('hex')}`.trim())
  }
}

/** A client of frames over a socket. */
export class RawClient implements Disposable {
  readonly socket: Socket
  readonly log = new FrameLog()
  closed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => this.log.feed(bytes))
    socket.on('close', () => (this.closed = true))
  }

  /** The preface is said; SETTINGS are the test's to send. */
  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await rawHttp2(port))
  }

  send(...frames: Buffer[]): this {
    this.socket.write(Buffer.concat(frames))
    return this
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

/** Resolves when it holds; the test's own timeout is the bound. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** What a server keeps of clients: nothing, once they are gone. */
export const kept = ({ server }: RunningHttp2Netpoll): number =>
  server.inFlight + server.sessions.size + server.lingering.size + server.arriving.size
