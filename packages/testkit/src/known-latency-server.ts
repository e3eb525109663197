import { type AddressInfo, createServer, type Socket } from 'node:net'
import { seededRandom } from '@qps/core'
import { Histogram } from '@qps/stats'
import type { LatencyLaw } from './known-latency.ts'

/*
 * The process of startKnownLatency. Answers wait in one queue per delay: within it they fall due in the order of arrival,
 * so that the first is always the next.
 */
const law = JSON.parse(process.argv[2] ?? 'null') as LatencyLaw
const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
/** A timer fires up to this much too late: it has whole milliseconds, and an idle core takes its time to wake. */
const timerErrorMs = 3

interface Due {
  socket: Socket
  atMs: number
}

interface Queue {
  waiting: Due[]
  /** The first in `waiting` that has no answer yet. */
  head: number
}

const fast: Queue = { waiting: [], head: 0 }
const slow: Queue = { waiting: [], head: 0 }
const lateUs = new Histogram()
const random = seededRandom(law.kind === 'bimodal' ? law.seed : 0)
let firstMs: number | undefined
let sleeper: NodeJS.Timeout | undefined
let spinner: NodeJS.Immediate | undefined

const server = createServer({ noDelay: true }, (socket) => {
  const ends = requestEnds()
  socket.on('error', () => {})
  socket.on('data', (bytes: Buffer) => {
    const nowMs = performance.now()
    for (let requests = ends(bytes); requests > 0; requests--) schedule(socket, nowMs)
  })
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.once('disconnect', () => process.exit(0))
process.on('message', () => {
  process.send?.(lateUs.percentile(0.99) / 1000)
  lateUs.reset()
})

function schedule(socket: Socket, nowMs: number): void {
  firstMs ??= nowMs
  const isSlow = law.kind === 'bimodal' && random() < law.slowRatio
  const delayMs = law.kind === 'bimodal' ? (isSlow ? law.slowMs : law.fastMs) : law.delayMs
  const queue = isSlow ? slow : fast
  queue.waiting.push({ socket, atMs: afterStall(nowMs + delayMs, firstMs) })
  arrange(nowMs)
}

/** The stall is a law about answers: one that falls due in it leaves at its end. */
function afterStall(dueMs: number, originMs: number): number {
  if (law.kind !== 'stall') return dueMs
  const beginMs = originMs + law.stallAfterMs
  const endMs = beginMs + law.stallMs
  return dueMs >= beginMs && dueMs < endMs ? endMs : dueMs
}

function turn(): void {
  const nowMs = performance.now()
  answerDue(fast, nowMs)
  answerDue(slow, nowMs)
  arrange(nowMs)
}

function answerDue(queue: Queue, nowMs: number): void {
  const { waiting } = queue
  for (; queue.head < waiting.length && waiting[queue.head]!.atMs <= nowMs; queue.head++) {
    const { socket, atMs } = waiting[queue.head]!
    socket.write(answer)
    lateUs.record((nowMs - atMs) * 1000)
  }
  if (queue.head === waiting.length) queue.head = waiting.length = 0
}

/**
 * Sleeps while the next answer is far, and spins when it is near: precise, and gentle to the other processes. A turn of the
 * spin allocates as little as can be: a pause for garbage would be an answer that is late.
 */
function arrange(nowMs: number): void {
  clearTimeout(sleeper)
  clearImmediate(spinner)
  const nextMs = Math.min(fast.waiting[fast.head]?.atMs ?? Infinity, slow.waiting[slow.head]?.atMs ?? Infinity)
  if (nextMs === Infinity) return
  const sleepMs = Math.floor(nextMs - nowMs - timerErrorMs)
  if (sleepMs >= 1) sleeper = setTimeout(turn, sleepMs)
  else spinner = setImmediate(turn)
}

/** Counts the blank lines that end a request without a body, wherever the input is cut. */
function requestEnds(): (bytes: Uint8Array) => number {
  const end = [13, 10, 13, 10]
  let matched = 0
  return (bytes) => {
    let requests = 0
    for (const byte of bytes) {
      matched = byte === end[matched] ? matched + 1 : byte === end[0] ? 1 : 0
      if (matched === end.length) {
        requests++
        matched = 0
      }
    }
    return requests
  }
}
