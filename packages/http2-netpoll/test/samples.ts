import { connectionPreface } from '@qps/http2-frames'
import type { Random } from '@qps/core'
import { frame, getRoot, reset, settings, windowUpdate } from '@qps/testkit'
import type { StreamHandler } from '@qps/http2-netpoll'
import { data, head, type MemoryClient, MemoryServer, post } from './memory-server.ts'
import { listener } from './support.ts'

/*
 * Byte streams of clients, good ones and changed ones, and what a server makes of them. Used by the tests, and by
 * `fuzz-sessions.ts` for as long as one likes.
 */

/** Frames that clients send. */
const frames: readonly ((streamId: number) => Buffer)[] = [
  (id) => getRoot(id),
  (id) => getRoot(id),
  (id) => post(id),
  (id) => post(id, ['content-length', '5']),
  // A literal that goes into the table, and one that refers to it.
  (id) => frame(1, 5, id, Buffer.from([0x82, 0x86, 0x44, 2, 0x2f, 0x78])),
  (id) => frame(1, 5, id, Buffer.from([0x82, 0x86, 0xbe])),
  (id) => Buffer.concat([frame(1, 1, id, Buffer.from([0x82])), frame(9, 4, id, Buffer.from([0x86, 0x84]))]),
  (id) => data(id, 5, true),
  (id) => data(id, 5),
  (id) => data(id, 3_000),
  (id) => frame(0, 9, id, Buffer.from([2, 1, 2, 3, 0, 0])),
  (id) => head(id, [['x-sum', '1']]),
  (id) => windowUpdate(id, 1_000),
  (id) => reset(id),
  (id) => frame(2, 0, id, Buffer.alloc(5)),
  () => windowUpdate(0, 50_000),
  () => settings([4, 10]),
  () => settings([4, 100_000], [1, 0]),
  () => settings([1, 4096]),
  () => frame(4, 1, 0),
  () => frame(6, 0, 0, Buffer.alloc(8)),
  () => frame(6, 1, 0, Buffer.alloc(8)),
  () => frame(7, 0, 0, Buffer.alloc(8)),
  () => frame(0x77, 0xff, 5, Buffer.from('unknown')),
]

const oneOf = <Item>(random: Random, items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!

/** A connection's bytes: mostly as a client should send them, with up to `changes` random changes. */
export function sample(random: Random, changes: number): Buffer {
  const pieces = [Buffer.from(connectionPreface), settings()]
  let last = -1
  for (let count = Math.floor(random() * 30); count >= 0; count--) {
    const make = oneOf(random, frames)
    const begins = frames.indexOf(make) < 7
    const id = begins ? (last += 2) : Math.max(1, last - 2 * Math.floor(random() * 3))
    pieces.push(make(id))
  }
  let bytes: Buffer = Buffer.concat(pieces)
  for (let count = Math.floor(random() * (changes + 1)); count > 0; count--) bytes = changed(bytes, random)
  return bytes
}

function changed(bytes: Buffer, random: Random): Buffer {
  const at = Math.floor(random() * bytes.length)
  const to = Math.min(bytes.length, at + 1 + Math.floor(random() ** 3 * 40))
  const with_ = (middle: Uint8Array, behind: number): Buffer =>
    Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(behind)])
  switch (Math.floor(random() * 6)) {
    case 0:
      return with_(Buffer.from([bytes[at]! ^ (1 << Math.floor(random() * 8))]), at + 1)
    case 1:
      return with_(Buffer.from([Math.floor(random() * 256)]), at + 1)
    case 2:
      return with_(Buffer.alloc(0), to)
    case 3:
      return with_(bytes.subarray(at, to), at)
    case 4:
      return bytes.subarray(0, at)
    default:
      return with_(oneOf(random, frames)(1 + 2 * Math.floor(random() * 12)), at)
  }
}

/** Every kind of answer: at once, when the request is over, in pieces larger than a window, none, an error. */
const handler: StreamHandler = (stream) => {
  const kind = stream.id % 12
  stream.expectBody()
  if (kind === 11) throw new Error('on purpose')
  if (kind === 9) return
  stream.respond([[':status', '200']], kind === 7)
  if (kind === 5) return stream.end(Buffer.from('at once'), [['x-sum', '1']])
  stream.listener = listener({
    onData: (_bytes, start, end) => stream.write(Buffer.alloc(end - start)),
    onEnd() {
      stream.write(Buffer.alloc(kind === 1 ? 70_000 : 20), () => stream.end())
    },
  })
}

/** What a client gets to hear, and how the connection stands then. */
export interface Outcome {
  told: string
  ended: boolean
}

export class Player {
  readonly server = new MemoryServer(handler, { onError: () => {} })

  /**
   * Plays a client's bytes, in pieces that end at `cuts`; then the client leaves.
   *
   * @param instant false where the kernel takes output at the end of a turn, and every third turn not even then: what is told
   *   then depends on the cuts. Default true.
   * @throws Error where the server has sent what is no HTTP/2, has thrown, or keeps something of the client.
   */
  play(bytes: Buffer, cuts: readonly number[], instant = true): Outcome {
    const { server } = this
    const client: MemoryClient = server.open()
    client.connection.instant = instant
    let from = 0
    for (const [turn, to] of [...cuts, bytes.length].entries()) {
      client.connection.stuck = !instant && turn % 3 === 2
      if (to > from) client.send(bytes.subarray(from, to))
      from = to
    }
    client.connection.stuck = false
    const sessions = [...server.server.sessions]
    const outcome = { told: JSON.stringify(client.log.lines), ended: client.connection.ended }
    client.connection.finish()
    if (client.connection.ended) server.pass(250, client)
    if (server.kept !== 0) throw new Error(`${server.kept} things are kept of a client that has left`)
    for (const { sender, streams } of sessions) {
      if (sender.queuedBytes + sender.waiting.size + streams.size !== 0) throw new Error('a session keeps streams')
    }
    if (server.clock.pending > 1) throw new Error(`${server.clock.pending} timers are left`)
    return outcome
  }
}

/** Up to four positions in ascending order, or all of them. */
export function randomCuts(length: number, random: Random): number[] {
  if (random() < 0.1) return [...Array(length).keys()]
  const cuts = Array.from({ length: Math.floor(random() * 5) }, () => Math.floor(random() * (length + 1)))
  return cuts.toSorted((a, b) => a - b)
}
