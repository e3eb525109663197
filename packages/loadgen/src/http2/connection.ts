import { systemErrorCode } from '@qps/core'
import type { ConnectionContext, ConnectionOwner, Ending, LoadConnection } from '../connection.ts'
import type { ErrorKind } from '../recorder.ts'
import type { TransportConnection, TransportHandler } from '../transport.ts'
import { judgeFor } from './answer-judge.ts'
import { Exchange, type Http2Context } from './exchange.ts'
import { FrameOutput } from './frame-output.ts'
import type { Http2Message } from './message.ts'

/**
 * One connection of HTTP/2, or of gRPC, which is a way to use it: every request is a stream, and answers come in any order.
 *
 *   connect ─► preface, SETTINGS ─► the server's SETTINGS: open ─► streams … ─► GOAWAY: what is outstanding, then closed
 *
 * A stream's fault is one request's error, and the connection goes on. A fault of the connection ends it, as one of
 * HTTP/1.1 does.
 */
export class Http2Connection implements TransportHandler, LoadConnection {
  freedMs = 0
  endedPolitely = false
  /** Belongs to the ring of idle connections. */
  listed = false

  readonly #context: Http2Context
  readonly #owner: ConnectionOwner
  /** Of the socket that there is, or was last. */
  #exchange!: Exchange
  #socket: TransportConnection | undefined
  #open = false
  #connectingSinceMs = 0
  #heardMs = 0

  /** What a thread's connections share. */
  static context(context: ConnectionContext, message: Http2Message): Http2Context {
    return { ...context, message, judge: judgeFor(context, message), output: new FrameOutput() }
  }

  constructor(context: Http2Context, owner: ConnectionOwner) {
    this.#context = context
    this.#owner = owner
  }

  get free(): number {
    return this.#open ? this.#exchange.free : 0
  }

  get outstanding(): number {
    return this.#open ? this.#exchange.outstanding : 0
  }

  get answers(): number {
    return this.#exchange.answers
  }

  connect(): void {
    const { clock, target, transport } = this.#context
    this.#connectingSinceMs = clock.nowMs()
    this.#socket = transport.connect(target, this)
    this.#exchange = new Exchange(this.#context, this.#socket)
  }

  enqueue(intendedMs: number): void {
    this.#exchange.send(intendedMs)
  }

  flush(): void {
    this.#context.output.send(this.#socket!)
  }

  onConnect(): void {
    this.#exchange.session.begin()
    this.flush()
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    const nowMs = this.#context.clock.nowMs()
    const exchange = this.#exchange
    const { reader } = exchange.session
    this.#heardMs = nowMs
    for (let at = start; at < end;) {
      at = reader.feed(bytes, at, end)
      if (reader.complete) exchange.take(nowMs)
      if (exchange.failed) return this.#breakOff(nowMs)
    }
    if (exchange.session.ready && !this.#open) this.#opened(nowMs)
    else this.#tellLoop(nowMs)
  }

  onClose(error: Error | undefined): void {
    const nowMs = this.#context.clock.nowMs()
    if (!this.#open) return this.#end(systemErrorCode(error) === 'ECONNREFUSED' ? 'refused' : 'failed', nowMs)
    const { goawayCode } = this.#exchange
    const lost = this.#drop(goawayCode === -1 ? 'reset' : 'goaway', nowMs)
    this.#end(lost === 0 && goawayCode <= 0 ? 'polite' : 'broken', nowMs)
  }

  sweep(nowMs: number, timeoutMs: number): void {
    if (!this.#open) {
      const opening = this.#socket !== undefined
      if (opening && nowMs - this.#connectingSinceMs > timeoutMs) this.#end('failed', nowMs)
      return
    }
    if (this.#exchange.giveUpOverdue(nowMs, timeoutMs) === 0) return
    // Where nothing at all has come for as long, it is not the streams' fault.
    if (nowMs - this.#heardMs <= timeoutMs) return this.#tellLoop(nowMs)
    this.#drop('timeout', nowMs)
    this.#end('broken', nowMs)
  }

  close(): void {
    this.#open = false
    this.#socket?.close()
    this.#socket = undefined
  }

  #opened(nowMs: number): void {
    this.#open = true
    this.flush()
    this.#owner.opened(this, nowMs)
  }

  /** Streams have ended: their slots go back to the loop, after what is written has left. */
  #tellLoop(nowMs: number): void {
    const exchange = this.#exchange
    this.flush()
    const freed = exchange.takeFreed()
    if (freed > 0) this.#context.loop.answered(this, freed, nowMs)
    if (this.#open && exchange.leaving && exchange.outstanding === 0) {
      this.#end(exchange.goawayCode <= 0 ? 'polite' : 'broken', nowMs)
    }
  }

  /** What arrives is not HTTP/2: one request has a bad answer, the others have none. */
  #breakOff(nowMs: number): void {
    if (!this.#open) return this.#end('failed', nowMs)
    this.#context.recorder.error('parse')
    this.#exchange.releaseOne()
    this.#drop('reset', nowMs)
    this.#end('broken', nowMs)
  }

  /** Counts all outstanding requests as lost. */
  #drop(kind: ErrorKind, nowMs: number): number {
    const lost = this.#exchange.loseAll(kind)
    this.#context.loop.lost(this.#exchange.takeFreed(), nowMs)
    return lost
  }

  #end(ending: Ending, nowMs: number): void {
    this.#context.output.at = 0
    this.close()
    this.freedMs = nowMs
    this.#owner.ended(this, ending, nowMs)
  }
}
