import {
  echoTypeOf,
  errorBody,
  type HttpProblem,
  plaintext,
  refusals,
  statusBody,
  surfaceAnswer,
} from '@qps/http-contract'
import { errorCode, type HeaderField } from '@qps/http2-frames'
import type { StreamHandler } from './server.ts'
import type { StreamListener } from './stream-listener.ts'
import type { Http2Stream } from './stream.ts'

/** Lists of fields that are kept, so that their blocks are kept as well. */
const keptMax = 64

/** The HTTP surface that every variant of every stage answers. @param bodyBytesMax of an echo; beyond: 413. */
export function surfaceHandler(bodyBytesMax: number): StreamHandler {
  const answers = new Answers()
  return (stream) => {
    const { head } = stream
    stream.listener = silent
    const answer = surfaceAnswer(head.method, head.path)
    if (typeof answer === 'object') return answers.problem(stream, answer.problem, answer.fields)
    if (answer === 'status') answers.send(stream, 'application/json', Buffer.from(statusBody(Date.now()), 'latin1'))
    else if (answer !== 'echo') answers.send(stream, 'text/plain', plaintextBytes)
    else if (head.contentLength > bodyBytesMax) answers.problem(stream, refusals.body)
    else stream.listener = new Echo(stream, answers, bodyBytesMax)
  }
}

const plaintextBytes = Buffer.from(plaintext)

/** Heads and bodies of answers. The same head within a second is the same list: its bytes are made once. */
class Answers {
  readonly #kept = new Map<string, readonly HeaderField[]>()
  #second = 0
  #date = ''

  send(stream: Http2Stream, type: string, body: Uint8Array): void {
    const isHead = stream.head.method === 'HEAD'
    stream.respond(this.#fields(200, type, body.length), isHead)
    if (!isHead) stream.end(body)
  }

  problem(stream: Http2Stream, problem: HttpProblem, further: readonly HeaderField[] = []): void {
    const isHead = stream.head.method === 'HEAD'
    const body = errorBody(problem)
    stream.respond([...this.#fields(problem.status, 'application/json', body.length), ...further], isHead)
    if (!isHead) stream.end(Buffer.from(body))
  }

  #fields(status: number, type: string, length: number): readonly HeaderField[] {
    const nowMs = Date.now()
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second || this.#kept.size > keptMax) {
      this.#second = second
      this.#date = new Date(nowMs).toUTCString()
      this.#kept.clear()
    }
    const key = `${status} ${type} ${length}`
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    const fields: readonly HeaderField[] = Object.freeze([
      [':status', String(status)],
      ['content-type', type],
      ['content-length', String(length)],
      ['date', this.#date],
    ] as const)
    this.#kept.set(key, fields)
    return fields
  }
}

/** Collects the body, within its limit, and sends it back. */
class Echo implements StreamListener {
  readonly #stream: Http2Stream
  readonly #answers: Answers
  readonly #bytesMax: number
  readonly #pieces: Uint8Array[] = []
  #bytes = 0

  constructor(stream: Http2Stream, answers: Answers, bytesMax: number) {
    this.#stream = stream
    this.#answers = answers
    this.#bytesMax = bytesMax
    stream.expectBody()
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes += end - start
    if (this.#bytes <= this.#bytesMax) this.#pieces.push(bytes.slice(start, end))
    else if (!this.#stream.ended) {
      this.#pieces.length = 0
      this.#answers.problem(this.#stream, refusals.body)
    }
  }

  onEnd(): void {
    const { head } = this.#stream
    if (this.#bytes > this.#bytesMax) return
    this.#answers.send(this.#stream, echoTypeOf(head.get('content-type')), Buffer.concat(this.#pieces, this.#bytes))
  }

  onClose(code: number): void {
    if (code !== errorCode.noError) this.#pieces.length = 0
  }
}

/** Whatever else the client sends on this stream is not for us. */
const silent: StreamListener = {
  onData() {},
  onEnd() {},
  onClose() {},
}
