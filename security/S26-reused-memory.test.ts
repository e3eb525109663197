import { createHash, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Random, seededRandom } from '@qps/core'
import { describe, test } from 'vitest'
import { hardenedVariants, start } from './variants.ts'

const connections = 250
const requestsEach = 40
/** One connection in so many is reset at some point of its requests. */
const abortedEach = 10

/** A request that carries secrets of its own in body, header and type, and the bytes of its answer that are known. */
interface Canary {
  request: Buffer
  body: Buffer
  type: string
}

function canary(random: Random): Canary {
  const secret = randomBytes(12).toString('hex')
  const size = random() < 0.1 ? Math.floor(random() * 60_000) : Math.floor(random() * 2_000)
  // No two of these have eight bytes in common but by chance, so bytes of another one are noticed.
  const body = Buffer.from(
    secret + createHash('shake256', { outputLength: size }).update(secret).digest('latin1'),
    'latin1',
  )
  const type = `application/x-${secret}`
  const filler = 'f'.repeat(Math.floor(random() * 300))
  const head = `POST /echo HTTP/1.1\r\nHost: a\r\nX-Filler: ${filler}\r\nX-Secret: not-to-be-seen-${secret}\r\nContent-Type: ${type}\r\n`
  if (random() < 0.5) {
    return { request: Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]), body, type }
  }
  const chunks: Buffer[] = [Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`)]
  for (let at = 0; at < body.length;) {
    const piece = body.subarray(at, at + 1 + Math.floor(random() * 3_000))
    chunks.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
    at += piece.length
  }
  return { request: Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]), body, type }
}

/** Sends in pieces of random sizes, some of them turns apart, until all is sent or the socket is gone. */
async function sendCut(socket: Socket, bytes: Buffer, random: Random): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed;) {
    const piece = bytes.subarray(at, at + 1 + Math.floor(random() ** 3 * 40_000))
    at += piece.length
    if (!socket.write(piece))
      await Promise.race([sleep(1_000), new Promise((resolve) => socket.once('drain', resolve))])
    else if (random() < 0.3) await sleep(0)
  }
}

/** What stands before the body. Every line is known: whatever else there is came from somewhere it should not. */
const headPattern = (type: string, length: number): RegExp =>
  new RegExp(
    `^HTTP/1\\.1 200 OK\\r\\n(?:(?:content-type: ${type}|content-length: ${length}|date: [\\w,: ]{29}|connection: keep-alive|keep-alive: timeout=\\d+|x-request-id: [\\w-]{1,64})\\r\\n)+\\r\\n$`,
    'i',
  )

/** Holds what comes against what must come; throws at the first byte that is not. */
class Answers {
  complete = 0
  readonly #canaries: readonly Canary[]
  #rest = Buffer.alloc(0)

  constructor(canaries: readonly Canary[]) {
    this.#canaries = canaries
  }

  push(piece: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, piece])
    while (this.#rest.length > 0 && this.#takeOne());
  }

  #takeOne(): boolean {
    const index = this.complete
    if (index === this.#canaries.length)
      throw new Error(`behind the last answer: ${this.#rest.toString('latin1', 0, 200)}`)
    const { body, type } = this.#canaries[index]!
    const end = this.#rest.indexOf('\r\n\r\n') + 4
    if (end === 3) return false
    const head = this.#rest.toString('latin1', 0, end)
    if (!headPattern(type, body.length).test(head)) throw new Error(`answer ${index} has a head of its own: ${head}`)
    const content = this.#rest.subarray(end, end + body.length)
    if (!content.equals(body.subarray(0, content.length))) throw new Error(`answer ${index} has another body`)
    if (content.length < body.length) return false
    this.#rest = this.#rest.subarray(end + body.length)
    this.complete++
    return true
  }
}

/** One client. @returns complete answers, and whether it was to leave before it had all of them. */
async function client(port: number, seed: number): Promise<{ answers: number; aborted: boolean }> {
  const random = seededRandom(seed)
  const canaries = Array.from({ length: requestsEach }, () => canary(random))
  const aborted = seed % abortedEach === 0
  const abortAfter = aborted ? Math.floor(random() * 100_000) : Infinity
  const pipelined = random() < 0.5
  const answers = new Answers(canaries)
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let failure: unknown
  let more = (): void => {}
  socket.on('error', () => {})
  for (const event of ['close', 'end'] as const) socket.on(event, () => more())
  socket.on('data', (piece: Buffer) => {
    try {
      answers.push(piece)
    } catch (error) {
      failure ??= error
      socket.destroy()
    }
    if (socket.bytesRead > abortAfter) socket.resetAndDestroy()
    more()
  })
  const answered = async (count: number): Promise<void> => {
    while (!socket.destroyed && !socket.readableEnded && answers.complete < count) {
      await new Promise<void>((resolve) => (more = resolve))
    }
  }
  if (pipelined) {
    const all = Buffer.concat(canaries.map(({ request }) => request))
    await Promise.all([sendCut(socket, all, random), answered(canaries.length)])
  } else {
    for (const [index, { request }] of canaries.entries()) {
      if (socket.destroyed) break
      await sendCut(socket, request, random)
      await answered(index + 1)
    }
  }
  socket.destroy()
  if (failure !== undefined) throw failure
  return { answers: answers.complete, aborted }
}

describe('S26 reused memory', () => {
  test.for(hardenedVariants)(
    '$variant: of 10,000 requests no answer has a byte of another one',
    { timeout: 120_000 },
    async (variant, { expect }) => {
      await using stage = await start(variant)
      const seeds = Array.from({ length: connections }, (_, index) => index)
      const results = await Promise.all(seeds.map((seed) => client(stage.port, seed)))
      for (const { answers, aborted } of results) if (!aborted) expect(answers).toBe(requestsEach)
      const total = results.reduce((sum, { answers }) => sum + answers, 0)
      expect(total).toBeGreaterThanOrEqual((connections - connections / abortedEach) * requestsEach)
      expect(total).toBeLessThan(connections * requestsEach)
    },
  )
})
