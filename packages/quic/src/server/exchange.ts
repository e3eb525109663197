import { invariant } from '@qps/core'
import { errorBody, type HttpProblem, refusals } from '@qps/http-contract'
import { quicError } from '../errors.ts'
import { errorCode } from '../h3/codes.ts'
import { readRequestHead, type RequestHead } from '../h3/fields.ts'
import { Http3Failure } from '../h3/failure.ts'
import { dataHead, headersFrame } from '../h3/frame-writer.ts'
import { IncomingBody } from '../h3/incoming-body.ts'
import { MessageReader, type MessageSink } from '../h3/message-reader.ts'
import type { DecodedFields } from '../qpack/decoder.ts'
import type { Field } from '../qpack/static-table.ts'
import type { QuicConnection } from '../transport/quic-connection.ts'
import type { ServerContext } from './context.ts'

/** What a session does with its exchanges. */
export interface ExchangeOwner {
  readonly context: ServerContext
  readonly connection: QuicConnection
  /** Does something that may fail by the client's fault. */
  guard(work: () => void): void
  /** Its stream is over; `wasReset` where the client ended it, or made us end it, before the answer had left. */
  over(exchange: Exchange, wasReset: boolean): void
}

/**
 * A request and its answer, on one stream.
 *
 * @example
 * const handler = async (exchange) => exchange.respond(200, [], await exchange.collect())
 */
export class Exchange implements MessageSink {
  readonly streamId: number
  /** When its stream was first seen, in the clock's ms. */
  readonly startMs: number
  readonly body: IncomingBody = new IncomingBody()
  /** It came before the end of the handshake, and whoever has recorded it can send it again: RFC 8470. */
  readonly isEarly: boolean
  /** Of the answer; 0 until there is one. */
  status = 0
  /** The request has not arrived in full, and somebody waits for it. */
  isArriving = true
  isOver = false
  readonly #owner: ExchangeOwner
  readonly #reader: MessageReader
  #head: RequestHead | undefined
  #isRequestEnded = false

  constructor(streamId: number, owner: ExchangeOwner) {
    this.streamId = streamId
    this.#owner = owner
    this.startMs = owner.context.clock.nowMs()
    this.isEarly = !owner.connection.isEstablished
    this.#reader = new MessageReader(this, owner.context.limits)
    this.body.onPull = () => {
      this.isArriving = !this.#isRequestEnded
      this.#owner.guard(() => this.readable())
    }
  }

  /** The request's head. Handlers see an exchange only when it is there. */
  get request(): RequestHead {
    invariant(this.#head !== undefined, 'a request is there when its head is')
    return this.#head
  }

  get method(): string {
    return this.#head?.method ?? ''
  }

  get path(): string {
    return this.#head?.path ?? ''
  }

  /** The first value of a field, by its name in lower case. O(fields). */
  field(wanted: string): string | undefined {
    return this.request.fields.find(([name]) => name === wanted)?.[1]
  }

  /**
   * The request's body, within `bodyBytesMax`.
   *
   * @throws QpsError QPS_QUIC_BODY, QPS_QUIC_ROOM, QPS_QUIC_STREAM, QPS_QUIC_CLOSED.
   */
  collect(): Promise<Buffer> {
    const { limits, room } = this.#owner.context
    const { contentLength = 0 } = this.request
    if (contentLength > limits.bodyBytesMax) {
      return Promise.reject(quicError('QPS_QUIC_BODY', `a body of ${contentLength} bytes is announced`))
    }
    return this.body.collect(limits.bodyBytesMax, room)
  }

  /**
   * Answers, once: the whole answer. Whatever else of the request is on its way is not wanted any more.
   *
   * @param fields names in lower case. Content-Length and Date are added. @param body must not change any more. Not sent where the method is HEAD.
   */
  respond(status: number, fields: readonly Field[], body: Buffer | string = ''): void {
    if (this.isOver || this.status !== 0) return
    this.status = status
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const head = headersFrame([
      [':status', String(status)],
      ...fields,
      ['content-length', String(bytes.length)],
      ['date', this.#owner.context.date()],
    ])
    const isBare = this.method === 'HEAD' || bytes.length === 0
    this.#owner.connection.write(this.streamId, isBare ? [head] : [head, dataHead(bytes.length), bytes], true)
  }

  /** Answers with a problem, as JSON. */
  refuse(problem: Pick<HttpProblem, 'status' | 'code' | 'message'>, fields: readonly Field[] = []): void {
    this.respond(problem.status, [['content-type', 'application/json'], ...fields], errorBody(problem))
  }

  /** Ends the stream without an answer, or in the middle of one. @param code of `errorCode`. */
  reset(code: number, wasClient = false): void {
    if (this.isOver) return
    const { connection } = this.#owner
    if (!this.#isRequestEnded) connection.stopReading(this.streamId, code)
    connection.reset(this.streamId, code)
    this.#end(wasClient)
  }

  /** Its stream has something to read. */
  readable(): void {
    while (!this.isOver && !this.#isRequestEnded) {
      if (this.#reader.hasHead && !this.body.isWanted) return
      const read = this.#read()
      if (read === undefined) return
      try {
        if (read.bytes.length > 0) this.#reader.push(read.bytes)
        if (read.isLast) this.#ended()
      } catch (error) {
        if (!(error instanceof Http3Failure) || !error.isOfStream) throw error
        return this.reset(error.code, true)
      }
    }
  }

  /** All of the answer is on its way. */
  finished(): void {
    if (this.isOver) return
    // The client may stop sending what nobody reads: RFC 9114, section 4.1.
    if (!this.#isRequestEnded) this.#owner.connection.stopReading(this.streamId, errorCode.noError)
    this.#end(false)
  }

  /** The client wants no answer any more, or its connection is over. */
  left(why: Error = quicError('QPS_QUIC_STREAM', 'the client has left')): void {
    this.body.fail(why)
    this.reset(errorCode.requestCancelled, true)
  }

  head({ fields, overflow }: DecodedFields): number | undefined {
    if (overflow !== false) {
      this.refuse(refusals[overflow === 'bytes' ? 'header-bytes' : 'header-fields'])
      return undefined
    }
    const head = readRequestHead(fields)
    this.#head = head
    // From here on somebody must ask for more.
    this.isArriving = false
    if (head.method === 'CONNECT') this.refuse(refusals.connect)
    else this.#owner.context.handle(this)
    return head.contentLength
  }

  data(bytes: Uint8Array): void {
    this.body.push(bytes)
  }

  #ended(): void {
    this.#reader.end()
    this.#isRequestEnded = true
    this.isArriving = false
    this.body.end()
  }

  #read(): ReturnType<QuicConnection['read']> {
    try {
      return this.#owner.connection.read(this.streamId)
    } catch {
      this.left()
      return undefined
    }
  }

  #end(wasReset: boolean): void {
    this.isOver = true
    this.isArriving = false
    if (!this.#isRequestEnded) this.body.fail(quicError('QPS_QUIC_STREAM', 'the stream is over'))
    this.#owner.over(this, wasReset)
  }
}
