import { createHash, randomBytes } from 'node:crypto'
import type { Random } from '@qps/core'
import { errorBody, problems } from '@qps/http-contract'
import type { Catalogue } from '../stages/04-memory-pooling/src/catalogue.ts'

/** A request that carries secrets of its own, and the bytes of its answer that are known. */
export interface Canary {
  request: Buffer
  status: string
  type: string
  /** What Content-Length says. */
  length: number
  /** What follows the head. */
  content: Buffer
}

/** Bytes of which no two have eight in common but by chance, so that those of another one are noticed. */
export function secretBytes(random: Random): { secret: string; body: Buffer } {
  const secret = randomBytes(12).toString('hex')
  const size = random() < 0.03 ? Math.floor(random() * 60_000) : Math.floor(random() * 1_200)
  const digest = createHash('shake256', { outputLength: size }).update(secret).digest('latin1')
  return { secret, body: Buffer.from(secret + digest, 'latin1') }
}

const filler = (random: Random): string => 'f'.repeat(Math.floor(random() * 300))

/** An echo, with secrets in body, header and type. */
export function echoCanary(random: Random): Canary {
  const { secret, body } = secretBytes(random)
  const type = `application/x-${secret}`
  const answer = { status: '200 OK', type, length: body.length, content: body }
  const head = `POST /echo HTTP/1.1\r\nHost: a\r\nX-Filler: ${filler(random)}\r\nX-Secret: not-to-be-seen-${secret}\r\nContent-Type: ${type}\r\n`
  if (random() < 0.5) {
    return {
      ...answer,
      request: Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]),
    }
  }
  const chunks: Buffer[] = [Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`)]
  for (let at = 0; at < body.length;) {
    const piece = body.subarray(at, at + 1 + Math.floor(random() * 3_000))
    chunks.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
    at += piece.length
  }
  return { ...answer, request: Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]) }
}

/** An item, or none: the id decides what comes back, and query and header hold what must not. */
export function itemCanary(random: Random, catalogue: Catalogue): Canary {
  const { secret } = secretBytes(random)
  const id = Math.floor(random() * (catalogue.count + 100))
  const item = catalogue.item(id)
  const method = random() < 0.1 ? 'HEAD' : 'GET'
  const content = Buffer.from(item === undefined ? noSuchItem : JSON.stringify(item))
  const head = `${method} /items/${id}?${secret} HTTP/1.1\r\nHost: a\r\nX-Filler: ${filler(random)}\r\nX-Secret: not-to-be-seen-${secret}\r\n\r\n`
  return {
    request: Buffer.from(head),
    status: item === undefined ? '404 Not Found' : '200 OK',
    type: 'application/json',
    length: content.length,
    content: method === 'HEAD' ? Buffer.alloc(0) : content,
  }
}

const noSuchItem = errorBody({ ...problems.notFound, message: 'no such item' })

/** What stands before the content. Every line is known: whatever else there is came from somewhere it should not. */
const headPattern = ({ status, type, length }: Canary): RegExp =>
  new RegExp(
    `^HTTP/1\\.1 ${status}\\r\\n(?:(?:content-type: ${type}|content-length: ${length}|date: [\\w,: ]{29}|connection: keep-alive|keep-alive: timeout=\\d+|x-request-id: [\\w-]{1,64})\\r\\n)+\\r\\n$`,
    'i',
  )

/** Holds what comes against what must come; throws at the first byte that is not. */
export class Answers {
  complete = 0
  readonly #canaries: readonly Canary[]
  #rest: Buffer = Buffer.alloc(0)

  constructor(canaries: readonly Canary[]) {
    this.#canaries = canaries
  }

  push(piece: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, piece])
    while (this.#rest.length > 0 && this.#takeOne());
  }

  #takeOne(): boolean {
    const index = this.complete
    const canary = this.#canaries[index]
    if (canary === undefined) throw new Error(`behind the last answer: ${this.#rest.toString('latin1', 0, 200)}`)
    const end = this.#rest.indexOf('\r\n\r\n') + 4
    if (end === 3) return false
    const head = this.#rest.toString('latin1', 0, end)
    if (!headPattern(canary).test(head)) throw new Error(`answer ${index} has a head of its own: ${head}`)
    const expected = canary.content
    const content = this.#rest.subarray(end, end + expected.length)
    if (!content.equals(expected.subarray(0, content.length))) throw new Error(`answer ${index} has another body`)
    if (content.length < expected.length) return false
    this.#rest = this.#rest.subarray(end + expected.length)
    this.complete++
    return true
  }
}
