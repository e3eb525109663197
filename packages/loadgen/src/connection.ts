import { type Clock, systemErrorCode } from '@qps/core'
import type { Slotted } from './idle-ring.ts'
import { InstantRing } from './instant-ring.ts'
import type { Loop } from './loop.ts'
import type { Recorder } from './recorder.ts'
import { ResponseParser } from './response-parser.ts'
import type { Transport, TransportConnection, TransportHandler, TransportTarget } from './transport.ts'

/** What all connections of a thread have in common. */
export interface ConnectionContext {
  clock: Clock
  transport: Transport
  target: TransportTarget
  recorder: Recorder
  loop: Loop
  method: string
  /** Requests outstanding on one connection at most. */
  pipeline: number
  /** Prepared writes: `batches[n]` is n requests in one piece, 1..pipeline. */
  batches: readonly Uint8Array[]
  lengthVaries: boolean
  /** Length of the first correct answer's body, which all others must have; -1 until there is one. */
  expected: { bodyBytes: number }
}

/**
 * How a connection ended. `polite`: no request was lost by it. `broken`: outstanding requests were lost, or the server
 * sent nonsense. `refused`, `failed`: it never opened.
 */
export type Ending = 'polite' | 'broken' | 'refused' | 'failed'

export interface ConnectionOwner {
  opened(connection: LoadConnection, nowMs: number): void
  ended(connection: LoadConnection, ending: Ending, nowMs: number): void
}

/**
 * One connection: sends what the loop tells it to, finds the answers in what comes back, checks them, and gives each to the
 * recorder with the intended start of its request. Answers come in the order of requests, so that a ring of
 * instants is all that it remembers.
 */
export class LoadConnection implements TransportHandler, Slotted {
  /** When its slots became free because the last socket closed. */
  freedMs = 0
  /** Answers on this socket. */
  answers = 0
  /** Since when the server owes the oldest outstanding answer, or the connection has been opening. */
  waitingSinceMs = 0
  /** The last socket was closed without any loss: if nobody listens now, the server has stopped in order. */
  endedPolitely = false
  /** Belongs to the ring of idle connections. */
  listed = false

  readonly #context: ConnectionContext
  readonly #owner: ConnectionOwner
  readonly #intended: InstantRing
  #parser: ResponseParser
  #socket: TransportConnection | undefined
  #open = false
  #unsent = 0

  constructor(context: ConnectionContext, owner: ConnectionOwner) {
    this.#context = context
    this.#owner = owner
    this.#intended = new InstantRing(context.pipeline)
    this.#parser = new ResponseParser(context.method)
  }

  /** Requests that may be sent now. */
  get free(): number {
    return this.#open ? this.#context.pipeline - this.#intended.length : 0
  }

  /** Requests sent and not answered. */
  get outstanding(): number {
    return this.#intended.length
  }

  get opening(): boolean {
    return this.#socket !== undefined && !this.#open
  }

  connect(): void {
    this.#parser = new ResponseParser(this.#context.method)
    this.answers = 0
    this.waitingSinceMs = this.#context.clock.nowMs()
    this.#socket = this.#context.transport.connect(this.#context.target, this)
  }

  /** Takes a slot for a request; `flush` sends it. Only where `free` is at least 1. */
  enqueue(intendedMs: number): void {
    this.#intended.push(intendedMs)
    this.#unsent++
  }

  /** Sends all requests that were enqueued, in one write. */
  flush(): void {
    if (this.#intended.length === this.#unsent) this.waitingSinceMs = this.#context.clock.nowMs()
    const batch = this.#context.batches[this.#unsent]!
    this.#unsent = 0
    this.#socket!.write(batch)
  }

  onConnect(): void {
    this.#open = true
    this.#owner.opened(this, this.#context.clock.nowMs())
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    const nowMs = this.#context.clock.nowMs()
    const parser = this.#parser
    let answers = 0
    for (let at = start; at < end && this.#open;) {
      at = parser.feed(bytes, at, end)
      if (parser.failure !== undefined) return this.#breakOff(nowMs, answers)
      if (!parser.complete) break
      if (this.#intended.length === 0) return this.#unsolicited(nowMs, answers)
      this.#settle(nowMs)
      answers++
      if (!parser.keepAlive) this.#open = false
    }
    if (answers === 0) return
    this.answers += answers
    this.waitingSinceMs = nowMs
    this.#context.loop.answered(this, answers, nowMs)
    if (!this.#open) this.#end(this.#drop('reset', nowMs) === 0 ? 'polite' : 'broken', nowMs)
  }

  onClose(error: Error | undefined): void {
    const nowMs = this.#context.clock.nowMs()
    if (!this.#open) return this.#end(systemErrorCode(error) === 'ECONNREFUSED' ? 'refused' : 'failed', nowMs)
    this.#open = false
    if (error === undefined && this.#intended.length > 0 && this.#parser.finish()) {
      this.#settle(nowMs)
      this.#context.loop.answered(this, 1, nowMs)
    }
    this.#end(this.#drop('reset', nowMs) === 0 ? 'polite' : 'broken', nowMs)
  }

  /** The server owes an answer, or an acceptance, for too long: closes, and counts what is lost. */
  timeOut(nowMs: number): void {
    const opening = this.opening
    if (!opening) this.#drop('timeout', nowMs)
    this.#end(opening ? 'failed' : 'broken', nowMs)
  }

  /** Closes without a word: the run is over. */
  close(): void {
    this.#open = false
    this.#socket?.close()
    this.#socket = undefined
  }

  /** Matches the answer that the parser has just read with the oldest request, and checks it. */
  #settle(nowMs: number): void {
    const { recorder, expected, lengthVaries } = this.#context
    const { status, bodyBytes, lengthUnknown } = this.#parser
    const intendedMs = this.#intended.shift()
    if (status < 200 || status > 299) return recorder.wrong('status', status)
    if (!lengthVaries && !lengthUnknown && bodyBytes !== expected.bodyBytes) {
      if (expected.bodyBytes !== -1) return recorder.wrong('length', status)
      expected.bodyBytes = bodyBytes
    }
    recorder.success(status, intendedMs, nowMs)
  }

  /** An answer that nobody asked for: how some servers refuse a connection too many. */
  #unsolicited(nowMs: number, answers: number): void {
    if (this.#parser.status < 300) return this.#breakOff(nowMs, answers)
    this.#context.recorder.wrong('status', this.#parser.status)
    this.#open = false
    if (answers > 0) this.#context.loop.answered(this, answers, nowMs)
    this.#end('broken', nowMs)
  }

  /** What arrives is not HTTP: the oldest request has a bad answer, the others have none. */
  #breakOff(nowMs: number, answers: number): void {
    this.#open = false
    if (answers > 0) this.#context.loop.answered(this, answers, nowMs)
    this.#context.recorder.error('parse')
    if (this.#intended.length > 0) {
      this.#intended.shift()
      this.#context.loop.lost(1, nowMs)
    }
    this.#drop('reset', nowMs)
    this.#end('broken', nowMs)
  }

  /** Counts all outstanding requests as lost. */
  #drop(kind: 'reset' | 'timeout', nowMs: number): number {
    const lost = this.#intended.length
    this.#intended.clear()
    if (lost > 0) {
      this.#context.recorder.error(kind, lost)
      this.#context.loop.lost(lost, nowMs)
    }
    return lost
  }

  #end(ending: Ending, nowMs: number): void {
    this.close()
    this.freedMs = nowMs
    this.#owner.ended(this, ending, nowMs)
  }
}
