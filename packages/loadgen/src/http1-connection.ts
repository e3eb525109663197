import { systemErrorCode } from '@qps/core'
import type { ConnectionContext, ConnectionOwner, Ending, LoadConnection } from './connection.ts'
import { InstantRing } from './instant-ring.ts'
import type { RequestCycle } from './request-cycle.ts'
import { ResponseParser } from './response-parser.ts'
import type { TransportConnection, TransportHandler } from './transport.ts'

/** What HTTP/1.1 needs beyond what all connections do. */
export interface Http1Context extends ConnectionContext {
  method: string
  /** What is sent, by all connections of a thread in turn. */
  requests: RequestCycle
}

/**
 * One connection of HTTP/1.1. Answers come in the order of requests, so that a ring of instants is all that it
 * remembers.
 */
export class Http1Connection implements TransportHandler, LoadConnection {
  freedMs = 0
  answers = 0
  endedPolitely = false
  /** Belongs to the ring of idle connections. */
  listed = false

  readonly #context: Http1Context
  readonly #owner: ConnectionOwner
  readonly #intended: InstantRing
  #parser: ResponseParser
  #socket: TransportConnection | undefined
  #open = false
  #unsent = 0
  /** Since when the server owes the oldest outstanding answer, or the connection has been opening. */
  #waitingSinceMs = 0

  constructor(context: Http1Context, owner: ConnectionOwner) {
    this.#context = context
    this.#owner = owner
    this.#intended = new InstantRing(context.pipeline)
    this.#parser = new ResponseParser(context.method)
  }

  get free(): number {
    return this.#open ? this.#context.pipeline - this.#intended.length : 0
  }

  get outstanding(): number {
    return this.#intended.length
  }

  connect(): void {
    this.#parser = new ResponseParser(this.#context.method)
    this.answers = 0
    this.#waitingSinceMs = this.#context.clock.nowMs()
    this.#socket = this.#context.transport.connect(this.#context.target, this)
  }

  enqueue(intendedMs: number): void {
    this.#intended.push(intendedMs)
    this.#unsent++
  }

  flush(): void {
    if (this.#intended.length === this.#unsent) this.#waitingSinceMs = this.#context.clock.nowMs()
    const requests = this.#context.requests.next(this.#unsent)
    this.#unsent = 0
    this.#socket!.write(requests)
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
    this.#waitingSinceMs = nowMs
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

  sweep(nowMs: number, timeoutMs: number): void {
    const opening = this.#socket !== undefined && !this.#open
    const owed = opening || this.outstanding > 0
    if (!owed || nowMs - this.#waitingSinceMs <= timeoutMs) return
    if (!opening) this.#drop('timeout', nowMs)
    this.#end(opening ? 'failed' : 'broken', nowMs)
  }

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
