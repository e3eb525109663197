import { siblingModule, sourceFlags } from '@qps/core'
import { Channel } from '@qps/queue'
import { once } from 'node:events'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { QueueJob, QueueReport, QueueWay } from './queue-job.ts'

export interface QueueSetup {
  way: QueueWay
  /** Of a message, at least 4: its number is in it. */
  bytes: number
  /** So many threads send, and so many receive. */
  pairs: number
}

/** Messages on their way at most, however they go. */
const capacity = 1024
const wordsPerLine = 16
/** Longer messages go through a slab. */
const recordBytesMax = 1024

/** Threads that send messages to threads as fast as they are received. */
export interface QueueWork extends AsyncDisposable {
  /** Messages that have been received since the start, modulo 2^32. */
  readonly received: number
  /** Ends the senders, and waits until everything that was sent is received. @throws Error where something is missing. */
  end(): Promise<void>
}

/** Resolves when all threads are at work. */
export async function startQueueWork(setup: QueueSetup): Promise<QueueWork> {
  const threads = new QueueThreads(setup)
  await threads.ready()
  return threads
}

class QueueThreads implements QueueWork {
  readonly #board: Int32Array<SharedArrayBuffer>
  readonly #channel: Channel | undefined
  readonly #senders: Worker[]
  readonly #receivers: Worker[]
  readonly #reports: Promise<QueueReport>[]

  constructor({ way, bytes, pairs }: QueueSetup) {
    this.#board = new Int32Array(new SharedArrayBuffer(4 * wordsPerLine * (1 + pairs)))
    this.#channel = way === 'post-message' ? undefined : channelFor(bytes)
    const links = Array.from({ length: pairs }, () => Array.from({ length: pairs }, () => new MessageChannel()))
    const start = (role: QueueJob['role'], at: number, ends: readonly MessageChannel[]): Worker => {
      const ports: MessagePort[] = ends.map(({ port1, port2 }) => (role === 'send' ? port1 : port2))
      const handle = this.#channel && { handle: this.#channel.share() }
      const countAt = wordsPerLine * (1 + at)
      const job: QueueJob = { role, way, bytes, capacity, ports, board: this.#board.buffer, countAt, ...handle }
      const execArgv = sourceFlags(import.meta.url)
      return new Worker(siblingModule(import.meta.url, './queue-thread'), {
        workerData: job,
        transferList: ports,
        execArgv,
      })
    }
    this.#receivers = links.map((_, at) =>
      start(
        'receive',
        at,
        links.map((row) => row[at]!),
      ),
    )
    this.#senders = links.map((row, at) => start('send', at, row))
    this.#reports = [...this.#senders, ...this.#receivers].map(reportOf)
    for (const report of this.#reports) report.catch(() => {})
  }

  async ready(): Promise<void> {
    await Promise.all([...this.#senders, ...this.#receivers].map((worker) => once(worker, 'message')))
  }

  get received(): number {
    let sum = 0
    for (let at = wordsPerLine; at < this.#board.length; at += wordsPerLine) sum += Atomics.load(this.#board, at)
    return sum >>> 0
  }

  async end(): Promise<void> {
    Atomics.store(this.#board, 0, 1)
    const sent = await Promise.all(this.#reports.slice(0, this.#senders.length))
    this.#channel?.close()
    const received = await Promise.all(this.#reports.slice(this.#senders.length))
    const [all, arrived] = [total(sent), total(received)]
    if (all.count !== arrived.count || all.sum !== arrived.sum) {
      throw new Error(`sent ${JSON.stringify(all)}, received ${JSON.stringify(arrived)}`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel?.[Symbol.dispose]()
    await Promise.all([...this.#senders, ...this.#receivers].map((worker) => worker.terminate()))
  }
}

function channelFor(bytes: number): Channel {
  return bytes <= recordBytesMax
    ? Channel.create({ capacity, record: { bytes } })
    : Channel.create({ capacity, payload: { bytesMax: bytes, slabBytes: capacity * bytes } })
}

function reportOf(worker: Worker): Promise<QueueReport> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: 'ready' | QueueReport) => {
      if (message !== 'ready') resolve(message)
    })
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('a thread ended without a report')))
  })
}

function total(reports: readonly QueueReport[]): QueueReport {
  return reports.reduce((sum, report) => ({ count: sum.count + report.count, sum: (sum.sum + report.sum) | 0 }), {
    count: 0,
    sum: 0,
  })
}
