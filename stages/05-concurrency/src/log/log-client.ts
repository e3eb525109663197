import { type Clock, systemClock } from '@qps/core'
import { connect, type Socket } from 'node:net'
import { Commits } from './commits.ts'
import { frame, FrameReader } from './frames.ts'
import type { LogRequest } from './log-server.ts'
import type { LogRecord, Message } from './message-log.ts'

/** After a lost connection, doubled with each try that fails. */
const retryMsMin = 50
const retryMsMax = 1_000

export interface LogClientOptions {
  at: { host: string; port: number }
  /** What is read. */
  topic: string
  /** Works on a message, beside others. It is committed when the promise is settled, and so are all before it. */
  onRecord: (record: LogRecord) => Promise<void>
  /** Messages that are worked on at a time, and those of one piece more: then nothing is read, and the log keeps what comes. */
  concurrencyMax: number
  clock?: Clock
}

/**
 * Reads a topic from a log over TCP, and appends to others. A lost connection is made again, and delivers again what was not
 * committed. What is appended meanwhile is dropped: whoever waits for it has a deadline.
 */
export class LogClient implements Disposable {
  readonly #options: Required<LogClientOptions>
  #socket: Socket | undefined
  #retryMs = retryMsMin
  #retrying: Disposable | undefined
  #working = 0
  #closed = false

  constructor(options: LogClientOptions) {
    this.#options = { clock: systemClock, ...options }
    this.#connect()
  }

  append(topic: string, message: Message): void {
    if (this.#socket !== undefined) send(this.#socket, { ask: 'append', topic, message })
  }

  [Symbol.dispose](): void {
    this.#closed = true
    this.#retrying?.[Symbol.dispose]()
    this.#socket?.destroy()
  }

  #connect(): void {
    const reader = new FrameReader()
    // Of this connection alone: another one may be to a log that has begun anew.
    const commits = new Map<number, Commits>()
    const socket = connect({ ...this.#options.at, noDelay: true })
    this.#socket = socket
    socket.on('connect', () => {
      this.#retryMs = retryMsMin
      send(socket, { ask: 'subscribe', topic: this.#options.topic })
    })
    socket.on('data', (piece: Buffer) => {
      try {
        for (const record of reader.push(piece)) void this.#work(socket, commits, record as LogRecord)
      } catch {
        socket.destroy()
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => this.#again())
  }

  async #work(socket: Socket, commits: Map<number, Commits>, record: LogRecord): Promise<void> {
    const { topic, partition, offset } = record
    const { concurrencyMax, onRecord } = this.#options
    let done = commits.get(partition)
    if (done === undefined) commits.set(partition, (done = new Commits(offset)))
    if (++this.#working >= concurrencyMax) socket.pause()
    await onRecord(record).catch(() => {})
    if (--this.#working < concurrencyMax) socket.resume()
    send(socket, { ask: 'commit', topic, partition, offset: done.ended(offset) })
  }

  #again(): void {
    if (this.#closed) return
    this.#retrying = this.#options.clock.after(this.#retryMs, () => this.#connect())
    this.#retryMs = Math.min(retryMsMax, this.#retryMs * 2)
  }
}

function send(socket: Socket, asked: LogRequest): void {
  if (socket.readyState === 'open') socket.write(frame(asked))
}
