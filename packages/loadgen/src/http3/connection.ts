import { connectHttp3, type ConnectHttp3Options, errorCode, type Http3Client, type Http3Ending } from '@qps/quic'
import type { ConnectionContext, ConnectionOwner, Ending, LoadConnection } from '../connection.ts'
import { httpJudge, type HttpJudge } from '../http-judge.ts'
import type { ErrorKind } from '../recorder.ts'
import { clientOptions } from './client-options.ts'
import { kindOf } from './fault.ts'
import { knock } from './knock.ts'
import type { Http3Message } from './message.ts'
import { Pending } from './pending.ts'

/** What HTTP/3 needs beyond what all connections do; shared by a thread's connections. */
export interface Http3Context extends ConnectionContext {
  message: Http3Message
  judge: HttpJudge
  options: ConnectHttp3Options
}

/**
 * One connection of HTTP/3: every request is a stream of QUIC, and answers come in any order. The client of @qps/quic is what
 * speaks; here is which request has a slot, and what becomes of it.
 *
 *   connect ─► handshake ─► the server's SETTINGS: open ─► streams … ─► GOAWAY: what is outstanding, then closed
 *
 * A stream's fault is one request's error, and the connection goes on. UDP does not tell that a server is gone: what it owes is
 * lost by the timeout, and a new connection finds out whether anybody listens by knocking.
 */
export class Http3Connection implements LoadConnection {
  freedMs = 0
  answers = 0
  endedPolitely = false
  /** Belongs to the ring of idle connections. */
  listed = false

  readonly #context: Http3Context
  readonly #owner: ConnectionOwner
  readonly #pending = new Set<Pending>()
  readonly #spare: Pending[] = []
  /** Of the attempt to connect, and of the connection that it has led to: what others tell is not heard. */
  #attempt: AbortController | undefined
  #client: Http3Client | undefined
  #knocking: Disposable | undefined
  #open = false
  #leaving = false
  /** The server's SETTINGS have come; one that is about to end may let a handshake succeed and never know of it. */
  #isSettled = false
  #wasConnected = false
  #connectingSinceMs = 0
  #heardMs = 0

  /** What a thread's connections share. */
  static context(context: ConnectionContext, message: Http3Message): Http3Context {
    const options = clientOptions(context.target, message)
    return { ...context, message, options, judge: httpJudge(context, message.method) }
  }

  constructor(context: Http3Context, owner: ConnectionOwner) {
    this.#context = context
    this.#owner = owner
  }

  get free(): number {
    if (!this.#open || this.#leaving) return 0
    const { pipeline, peer } = this.#context
    return Math.max(0, Math.min(pipeline, peer.streamsMax) - this.#pending.size)
  }

  get outstanding(): number {
    return this.#pending.size
  }

  connect(): void {
    const { clock, options, target } = this.#context
    const attempt = new AbortController()
    const isCurrent = (): boolean => this.#attempt === attempt
    this.#attempt = attempt
    this.#connectingSinceMs = clock.nowMs()
    this.answers = 0
    this.#leaving = false
    this.#isSettled = false
    if (this.#wasConnected) this.#knocking = knock(target, () => this.#end('refused', clock.nowMs()))
    connectHttp3({
      ...options,
      signal: attempt.signal,
      onSettings: () => isCurrent() && this.#settled(),
      onGoaway: () => isCurrent() && this.#goaway(),
      onEnded: (ending) => isCurrent() && this.#ended(ending),
    }).then(
      (client) => (isCurrent() ? this.#connected(client) : void client.close()),
      () => isCurrent() && this.#end('failed', clock.nowMs()),
    )
  }

  /** All that are enqueued in one turn of the event loop leave together, by themselves. */
  enqueue(intendedMs: number): void {
    const pending = this.#spare.pop() ?? new Pending(this.#context.message)
    this.#pending.add(pending)
    void this.#ask(this.#client!, pending, intendedMs)
  }

  flush(): void {}

  sweep(nowMs: number, timeoutMs: number): void {
    if (!this.#open) {
      const opening = this.#attempt !== undefined
      if (opening && nowMs - this.#connectingSinceMs > timeoutMs) this.#end('failed', nowMs)
      return
    }
    const overdue = this.#giveUpOverdue(nowMs, timeoutMs)
    if (overdue === 0) return
    // Where nothing at all has come for as long, it is not the streams' fault.
    if (nowMs - this.#heardMs <= timeoutMs) return this.#tellLoop(overdue, nowMs)
    this.#context.loop.lost(overdue, nowMs)
    this.#drop('timeout', nowMs)
    this.#end('broken', nowMs)
  }

  close(): void {
    this.#open = false
    this.#knocking?.[Symbol.dispose]()
    this.#knocking = undefined
    const attempt = this.#attempt
    const client = this.#client
    // What it tells of its end is not news.
    this.#attempt = undefined
    this.#client = undefined
    attempt?.abort()
    // Says goodbye, and gives the socket back.
    void client?.close()
  }

  #connected(client: Http3Client): void {
    this.#client = client
    if (this.#isSettled) this.#opened(client)
  }

  /** The connection is still being read: requests are sent behind that. */
  #settled(): void {
    this.#isSettled = true
    const client = this.#client
    if (client !== undefined) queueMicrotask(() => client === this.#client && this.#opened(client))
  }

  #opened(client: Http3Client): void {
    const { clock, peer } = this.#context
    const nowMs = clock.nowMs()
    this.#knocking?.[Symbol.dispose]()
    this.#wasConnected = true
    this.#open = true
    this.#heardMs = nowMs
    peer.streamsMax = Math.min(peer.streamsMax, client.streamsLeft)
    this.#owner.opened(this, nowMs)
    this.#leaveWhenIdle(nowMs)
  }

  async #ask(client: Http3Client, pending: Pending, intendedMs: number): Promise<void> {
    const request = pending.begin(intendedMs)
    const { turn } = pending
    const isCurrent = (): boolean => pending.turn === turn
    let fault: ErrorKind | undefined
    try {
      const response = await client.request(request)
      if (isCurrent()) pending.head(response)
      for await (const piece of response.body) if (isCurrent()) this.#heard(pending, piece.length)
    } catch (error) {
      fault = kindOf(error)
    }
    if (isCurrent()) this.#settle(pending, fault)
  }

  #heard(pending: Pending, bytes: number): void {
    pending.bodyBytes += bytes
    this.#heardMs = this.#context.clock.nowMs()
  }

  #settle(pending: Pending, fault: ErrorKind | undefined): void {
    const { clock, judge, recorder } = this.#context
    const nowMs = clock.nowMs()
    this.#heardMs = nowMs
    if (fault === undefined) {
      this.answers++
      judge(pending, nowMs)
    } else recorder.error(fault)
    this.#release(pending)
    this.#tellLoop(1, nowMs)
  }

  /** Resets the streams that an earlier sweep has seen so long ago. @returns how many. */
  #giveUpOverdue(nowMs: number, timeoutMs: number): number {
    let overdue = 0
    for (const pending of this.#pending) {
      if (pending.seenMs === 0) pending.seenMs = nowMs
      else if (nowMs - pending.seenMs > timeoutMs) {
        overdue++
        this.#context.recorder.error('timeout')
        this.#release(pending)
        pending.giveUp()
      }
    }
    return overdue
  }

  #release(pending: Pending): void {
    pending.end()
    this.#pending.delete(pending)
    this.#spare.push(pending)
  }

  /** Streams have ended: their slots go back to the loop. */
  #tellLoop(freed: number, nowMs: number): void {
    this.#context.loop.answered(this, freed, nowMs)
    this.#leaveWhenIdle(nowMs)
  }

  /** The server leaves. It may say so while it is still read to the end, so that what is outstanding is looked at behind that. */
  #goaway(): void {
    this.#leaving = true
    queueMicrotask(() => this.#leaveWhenIdle(this.#context.clock.nowMs()))
  }

  #leaveWhenIdle(nowMs: number): void {
    if (this.#open && this.#leaving && this.#pending.size === 0) this.#end('polite', nowMs)
  }

  /** The connection is over, and we have not closed it. */
  #ended({ by, isApp, code }: Http3Ending): void {
    const nowMs = this.#context.clock.nowMs()
    const isInOrder = by === 'server' && isApp && code === errorCode.noError
    // A server that is about to end closes what comes now as it closes what there was.
    if (!this.#open) return this.#end(isInOrder ? 'refused' : 'failed', nowMs)
    // What came was not HTTP/3, or not QUIC: one request has a bad answer, the others have none.
    if (by === 'us') this.#breakOff(nowMs)
    const lost = this.#drop(this.#leaving ? 'goaway' : 'reset', nowMs)
    this.#end(lost === 0 && (isInOrder || by === 'nobody') ? 'polite' : 'broken', nowMs)
  }

  #breakOff(nowMs: number): void {
    this.#context.recorder.error('parse')
    const [pending] = this.#pending
    if (pending === undefined) return
    this.#release(pending)
    this.#context.loop.lost(1, nowMs)
  }

  /** Counts all outstanding requests as lost. */
  #drop(kind: ErrorKind, nowMs: number): number {
    const lost = this.#pending.size
    if (lost === 0) return 0
    for (const pending of this.#pending) this.#release(pending)
    this.#context.recorder.error(kind, lost)
    this.#context.loop.lost(lost, nowMs)
    return lost
  }

  #end(ending: Ending, nowMs: number): void {
    this.close()
    this.freedMs = nowMs
    this.#owner.ended(this, ending, nowMs)
  }
}
