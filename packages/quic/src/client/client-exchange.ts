import { quicError } from '../errors.ts'
import { errorCode, errorName } from '../h3/codes.ts'
import { readResponseHead } from '../h3/fields.ts'
import { Http3Failure } from '../h3/failure.ts'
import { dataHead, headersFrame } from '../h3/frame-writer.ts'
import { IncomingBody } from '../h3/incoming-body.ts'
import { MessageReader, type MessageBounds, type MessageSink } from '../h3/message-reader.ts'
import type { DecodedFields } from '../qpack/decoder.ts'
import type { Field } from '../qpack/static-table.ts'
import type { QuicConnection } from '../transport/quic-connection.ts'

export interface Http3Request {
  /** Begins with a slash. */
  path: string
  /** Default GET, with a body POST. */
  method?: string
  /** Names in lower case. */
  headers?: readonly Field[]
  body?: Buffer | string
  /** Gives the request up: its stream is reset with H3_REQUEST_CANCELLED. */
  signal?: AbortSignal
}

/** An answer whose head has arrived. */
export interface Http3Response {
  status: number
  headers: readonly Field[]
  /** As it arrives, as fast as it is read. */
  body: IncomingBody
}

/** One request of a client, on one stream. */
export class ClientExchange implements MessageSink {
  readonly response: Promise<Http3Response>
  readonly request: Http3Request
  readonly #bounds: MessageBounds
  readonly #guard: (work: () => void) => void
  readonly #onOver: (exchange: ClientExchange) => void
  readonly #reader: MessageReader
  readonly #body: IncomingBody = new IncomingBody()
  readonly #resolvers = Promise.withResolvers<Http3Response>()
  readonly #onAbort = (): void => this.#cancel()
  #connection: QuicConnection | undefined
  #isOver = false
  /** -1 until there was room for a stream. */
  streamId = -1

  constructor(
    request: Http3Request,
    bounds: MessageBounds,
    guard: (work: () => void) => void,
    onOver: (exchange: ClientExchange) => void,
  ) {
    this.request = request
    this.#bounds = bounds
    this.#guard = guard
    this.#onOver = onOver
    this.#reader = new MessageReader(this, bounds)
    this.response = this.#resolvers.promise
    this.#body.onPull = () => this.#guard(() => this.readable())
    request.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Sends the request. @param authority of the URL. */
  start(connection: QuicConnection, streamId: number, authority: string): void {
    this.#connection = connection
    this.streamId = streamId
    const { path, body, headers = [], method = body === undefined ? 'GET' : 'POST' } = this.request
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const head = headersFrame([
      [':method', method],
      [':scheme', 'https'],
      [':authority', authority],
      [':path', path],
      ...headers,
      ...(bytes === undefined ? [] : [['content-length', String(bytes.length)] as const]),
    ])
    const isBare = bytes === undefined || bytes.length === 0
    connection.write(streamId, isBare ? [head] : [head, dataHead(bytes.length), bytes], true)
  }

  /** Its stream has something to read. */
  readable(): void {
    const connection = this.#connection
    if (connection === undefined) return
    while (!this.#isOver) {
      if (this.#reader.hasHead && !this.#body.isWanted) return
      try {
        const read = connection.read(this.streamId)
        if (read === undefined) return
        if (read.bytes.length > 0) this.#reader.push(read.bytes)
        if (read.isLast) this.#complete()
      } catch (error) {
        if (error instanceof Http3Failure && !error.isOfStream) throw error
        this.#broken(error, connection)
      }
    }
  }

  /** Nothing more comes. */
  fail(error: Error): void {
    if (this.#isOver) return
    this.#resolvers.reject(error)
    this.#body.fail(error)
    this.#end()
  }

  head({ fields, overflow }: DecodedFields): number | undefined | 'interim' {
    if (overflow !== false) {
      const what = `an answer's head is longer than ${this.#bounds.headerBytesMax} bytes`
      throw new Http3Failure(errorCode.excessiveLoad, what, 'stream')
    }
    const { status, fields: headers, contentLength } = readResponseHead(fields)
    if (status < 200) return 'interim'
    this.#resolvers.resolve({ status, headers, body: this.#body })
    // The length that HEAD and 304 tell is that of a body which they do not have.
    return this.request.method === 'HEAD' || status === 304 ? 0 : contentLength
  }

  /** @param bytes copied. */
  data(bytes: Uint8Array): void {
    this.#body.push(bytes)
  }

  #complete(): void {
    this.#reader.end()
    this.#body.end()
    this.#end()
  }

  #broken(error: unknown, connection: QuicConnection): void {
    const code = error instanceof Http3Failure ? error.code : errorCode.requestCancelled
    connection.stopReading(this.streamId, code)
    connection.reset(this.streamId, code)
    this.fail(quicError('QPS_QUIC_STREAM', 'the answer does not come in full', named(error)))
  }

  #cancel(): void {
    this.#connection?.stopReading(this.streamId, errorCode.requestCancelled)
    this.#connection?.reset(this.streamId, errorCode.requestCancelled)
    this.fail(quicError('QPS_QUIC_STREAM', 'the request was given up', this.request.signal?.reason))
  }

  #end(): void {
    this.#isOver = true
    this.request.signal?.removeEventListener('abort', this.#onAbort)
    this.#onOver(this)
  }
}

/** quiche writes `StreamReset(268)`. */
function named(error: unknown): unknown {
  const code = error instanceof Error ? /^StreamReset\((\d+)\)$/.exec(error.message)?.[1] : undefined
  return code === undefined ? error : new Error(`the server has reset the stream with ${errorName(Number(code))}`)
}
