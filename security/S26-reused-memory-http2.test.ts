import { once } from 'node:events'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import { type Random, seededRandom } from '@qps/core'
import { describe, test } from 'vitest'
import { secretBytes } from './canaries.ts'
import { type Http2Variant, http2WithOwn, startHttp2 } from './http2-variants.ts'
import { withPoisonedMemory } from './poisoned-memory.ts'

const sessions = 10
const requestsEach = 1_000
/** Of one session; what a server allows is more. */
const streamsAtOnce = 50
/** One stream in so many is reset when its answer begins: few enough not to be taken for an attack. */
const abortedEach = 20

/** A request, its secrets, and the one right answer. */
interface Exchange {
  fields: Record<string, string>
  body: Buffer
  secret: string
  type: string
}

function exchange({ call }: Http2Variant, random: Random): Exchange {
  const { secret, body } = secretBytes(random)
  const fields = { ':method': 'POST', 'x-secret': secret, 'x-filler': 'f'.repeat(Math.floor(random() * 300)) }
  if (call === undefined) {
    const type = `application/x-${secret}`
    return { fields: { ...fields, ':path': '/echo', 'content-type': type }, body, secret, type }
  }
  const type = 'application/grpc'
  const called = { ':path': call, te: 'trailers', 'content-type': type, 'x-secret-bin': secret }
  return { fields: { ...fields, ...called }, body: message(body), secret, type }
}

/** A message of gRPC whose first field is these bytes, as EchoRequest and EchoReply have it. */
function message(payload: Buffer): Buffer {
  const length: number[] = []
  for (let left = payload.length; ; left >>>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left)
    if (left <= 127) break
  }
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(1 + length.length + payload.length, 1)
  return Buffer.concat([prefix, Buffer.from([0x0a, ...length]), payload])
}

/** Every secret that a piece of text has. */
const secretsIn = (text: string): string[] => text.match(/[0-9a-f]{24}/g) ?? []

/** @throws Error for the first thing that is of somebody else. @returns whether the answer was complete. */
async function ask(session: ClientHttp2Session, sent: Exchange, aborted: boolean): Promise<boolean> {
  const stream = session.request(sent.fields, { endStream: false })
  const headers: IncomingHttpHeaders[] = []
  stream.on('response', (head) => {
    headers.push(head)
    if (aborted) stream.close()
  })
  stream.on('trailers', (trailers) => headers.push(trailers))
  stream.on('error', () => {})
  const pieces: Buffer[] = []
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  stream.end(sent.body)
  await once(stream, 'close')
  const content = Buffer.concat(pieces)
  const [head] = headers
  if (!content.equals(sent.body.subarray(0, content.length))) throw new Error('an answer has another body')
  for (const secret of secretsIn(JSON.stringify(headers))) {
    if (secret !== sent.secret) throw new Error(`a field holds ${secret}, which is another request's`)
  }
  if (aborted) return false
  if (head === undefined || String(head[':status']) !== '200')
    throw new Error(`an answer has the status ${String(head?.[':status'])}`)
  if (!String(head['content-type']).startsWith(sent.type)) throw new Error('an answer has another type')
  if (content.length !== sent.body.length) throw new Error(`an answer ends after ${content.length} bytes`)
  return true
}

/** @returns complete answers. */
async function client(variant: Http2Variant, port: number, seed: number): Promise<number> {
  const random = seededRandom(seed)
  const session = connect(`${variant.secure ? 'https' : 'http'}://127.0.0.1:${port}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  let begun = 0
  let complete = 0
  const one = async (): Promise<void> => {
    while (begun < requestsEach) {
      const aborted = ++begun % abortedEach === 0
      if (await ask(session, exchange(variant, random), aborted)) complete++
    }
  }
  try {
    await Promise.all(Array.from({ length: streamsAtOnce }, one))
    return complete
  } finally {
    session.destroy()
  }
}

describe('S26 reused memory over HTTP/2', () => {
  test.for(http2WithOwn('memory'))(
    '$name: of 10,000 requests no answer has a byte of another one, or one that nobody wrote',
    { timeout: 120_000 },
    async (variant, { expect }) => {
      await using stage = await withPoisonedMemory(() => startHttp2(variant))
      const seeds = Array.from({ length: sessions }, (_, index) => index)
      const answers = await Promise.all(seeds.map((seed) => client(variant, stage.http2Port, seed)))
      for (const count of answers) expect(count).toBe(requestsEach - requestsEach / abortedEach)
    },
  )
})
