import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpLimits, RefusalReason } from '@qps/http-contract'

/** What the sweep may find wrong with a connection. */
export type Verdict = 'timeout' | 'slow-body' | 'body' | 'slow-reader' | 'crowded-idle' | 'linger-over'

/** What the guard looks at: the public face of a socket, so that tests can move the numbers by hand. */
export type WatchedSocket = Pick<Socket, 'bytesRead' | 'bytesWritten' | 'writableLength'>

/** The message that a connection is to end with, and whose place in the order of answers it takes. */
export interface Farewell {
  reason: RefusalReason
  /** The response that the refusal replaces, or undefined where the refused message has none. */
  response: ServerResponse | undefined
}

/**
 * What the guard knows of one connection. The request path only stores numbers here; all judging happens in the sweep,
 * so a connection costs no timer.
 */
export class Connection {
  /** Requests admitted and not yet answered: more than one where the client pipelines. */
  inFlight = 0
  /** The newest request and its response; they stay after the answer until the next ones come. */
  request: IncomingMessage | undefined
  response: ServerResponse | undefined
  /** Refused: whatever arrives from now on is ignored. */
  condemned = false
  farewell: Farewell | undefined

  #requestAtMs = 0
  #bytesReadAtRequest = 0
  #bytesReadAtRest = 0
  /** Answered before its body was complete: Node discards the rest, and only then is the connection at rest. */
  #bodyIsLeft = false
  #bytesRead = 0
  #bytesTaken = 0
  #movedAtMs: number
  #waitingSinceMs: number | undefined
  #idleInCrowd = false
  #headersInCrowd = false
  #headersSinceMs: number | undefined
  #lingerSinceMs: number | undefined
  #bytesReadAtLinger = 0
  readonly #socket: WatchedSocket
  /** When the connection was accepted. */
  readonly openedAtMs: number

  constructor(socket: WatchedSocket, nowMs: number) {
    this.#socket = socket
    this.openedAtMs = nowMs
    this.#movedAtMs = nowMs
  }

  /** A request was admitted. */
  begin(request: IncomingMessage, response: ServerResponse, nowMs: number): void {
    this.inFlight++
    this.request = request
    this.response = response
    this.#requestAtMs = nowMs
    this.#bytesReadAtRequest = this.#socket.bytesRead
  }

  /** An admitted request was answered, or its client left. */
  finish(): void {
    if (--this.inFlight > 0) return
    this.#bytesReadAtRest = this.#socket.bytesRead
    this.#bodyIsLeft = this.isReceiving
  }

  /** From now on input is only discarded, within the limits of lingering. */
  linger(nowMs: number): void {
    this.#lingerSinceMs = nowMs
    this.#bytesReadAtLinger = this.#socket.bytesRead
    this.#movedAtMs = nowMs
  }

  /** Is the newest request's body still on its way? */
  get isReceiving(): boolean {
    return this.request !== undefined && !this.request.complete
  }

  /** Between two requests: nothing to answer, and not a byte of the next one has come. */
  get isAtRest(): boolean {
    return this.inFlight === 0 && !this.isReceiving && this.#socket.bytesRead === this.#bytesReadAtRest
  }

  /**
   * Compares the socket's counters with those of the sweep before.
   *
   * Times that the sweep notices late are taken as early as they may have begun, so that every limit holds for the
   * client: hence the two sweeps that are taken off.
   *
   * @param crowded whether this connection's address, or the process, is short of connections.
   * @returns what is wrong, or undefined.
   */
  judge(nowMs: number, limits: HttpLimits, crowded: boolean): Verdict | undefined {
    const toleranceMs = 2 * limits.sweepMs
    const { bytesRead, bytesWritten, writableLength } = this.#socket
    // Counted as taken when the kernel has the whole of a write; a write it holds in part still counts as waiting.
    const bytesTaken = bytesWritten - writableLength
    const taking = bytesTaken !== this.#bytesTaken
    const moved = taking || bytesRead !== this.#bytesRead
    if (moved) this.#movedAtMs = nowMs
    this.#bytesRead = bytesRead
    this.#bytesTaken = bytesTaken

    if (this.#lingerSinceMs !== undefined) return this.#isLingerOver(nowMs, limits) ? 'linger-over' : undefined
    if (writableLength === 0) this.#waitingSinceMs = undefined
    else if (this.#waitingSinceMs === undefined || taking) this.#waitingSinceMs = nowMs
    else if (nowMs - this.#waitingSinceMs >= limits.readerStallMs - toleranceMs) return 'slow-reader'

    if (this.isReceiving) return this.#judgeBody(nowMs, limits, bytesRead, writableLength > 0)
    if (this.#bodyIsLeft) {
      this.#bodyIsLeft = false
      this.#bytesReadAtRest = bytesRead
    }
    if (this.#judgeHeaders(nowMs, limits, crowded, bytesRead)) return 'timeout'
    const idle = this.inFlight === 0 && writableLength === 0
    if (!idle) this.#movedAtMs = nowMs
    // Once idle in a crowd, a connection stays on the short limit until it moves (and a header section until it is
    // complete): closing some of a crowd makes it smaller, and the rest would be let off.
    this.#idleInCrowd = idle && (crowded || (this.#idleInCrowd && !moved))
    const idleMs = nowMs - this.#movedAtMs
    return this.#idleInCrowd && idleMs >= limits.crowdedIdleMs - toleranceMs ? 'crowded-idle' : undefined
  }

  /** Node has an eye on this as well, with the longer time of `headersTimeoutMs`: here it is shortened in a crowd. */
  #judgeHeaders(nowMs: number, limits: HttpLimits, crowded: boolean, bytesRead: number): boolean {
    const isFirst = this.request === undefined
    if (this.inFlight > 0 || (!isFirst && bytesRead === this.#bytesReadAtRest)) {
      this.#headersSinceMs = undefined
      this.#headersInCrowd = false
      return false
    }
    this.#headersSinceMs ??= isFirst ? this.openedAtMs : nowMs
    this.#headersInCrowd ||= crowded
    return this.#headersInCrowd && nowMs - this.#headersSinceMs >= limits.crowdedHeadersTimeoutMs - limits.sweepMs
  }

  #judgeBody(nowMs: number, limits: HttpLimits, bytesRead: number, waiting: boolean): Verdict | undefined {
    const request = this.request!
    // The client cannot send while Node does not read: because a handler is not reading yet, or because the client does
    // not take an earlier answer, which is judged above.
    if (waiting || (this.inFlight > 0 && request.readableLength >= request.readableHighWaterMark)) {
      this.#requestAtMs += limits.sweepMs
      return undefined
    }
    const bytes = bytesRead - this.#bytesReadAtRequest
    // A handler that reads counts for itself. This is for bodies that nobody reads: they are discarded, not endlessly.
    if (bytes > 2 * limits.bodyBytesMax) return 'body'
    const ageMs = nowMs - this.#requestAtMs
    if (ageMs < limits.bodyGraceMs) return undefined
    return bytes * 1000 < limits.bodyBytesPerSMin * (ageMs - limits.sweepMs) ? 'slow-body' : undefined
  }

  #isLingerOver(nowMs: number, limits: HttpLimits): boolean {
    return (
      nowMs - this.#lingerSinceMs! >= limits.lingerMs ||
      nowMs - this.#movedAtMs >= limits.lingerQuietMs ||
      this.#bytesRead - this.#bytesReadAtLinger > limits.lingerBytesMax
    )
  }
}
