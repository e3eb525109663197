import { randomBytes } from 'node:crypto'
import type { ConnectionFault, HostPort, QuicheConnection } from '../binding/quiche.ts'
import type { QuicLimits } from '../limits.ts'
import type { Driver } from './driver.ts'
import { Outbox } from './outbox.ts'
import { idBytes } from './packet-head.ts'
import { type PathEvent, pathEventOf } from './path-event.ts'
import type { UdpSocket } from './udp-socket.ts'

/** What somebody makes of a connection's streams. Called during its turns. */
export interface ConnectionOwner {
  /** Streams may be used though the handshake goes on: for what may be repeated by whoever has recorded it. At most once. */
  early(): void
  /** The handshake is complete: streams may be used. */
  established(): void
  /** A stream has bytes, an end or a reset to be read. Told again each turn until they are. */
  readable(streamId: number): void
  /** All that was written to this stream, up to its end, is on its way. */
  finished(streamId: number): void
  /** The other side wants no more of what we send on this stream. */
  stopped(streamId: number): void
  path(event: PathEvent): void
  /** All that has come was told: what the other side allows may have changed. */
  caughtUp(): void
  /** Nothing more comes or goes. Once. */
  ended(fault: ConnectionFault | undefined): void
}

/** Who carries a connection's datagrams, and finds it by its ids. */
export interface ConnectionPost {
  /** The socket of a path; undefined where it is closed. */
  socketAt(local: HostPort): UdpSocket | undefined
  idGiven(id: Uint8Array, connection: QuicConnection): void
  idRetired(id: Uint8Array): void
  /** It is over and forgotten by quiche. */
  gone(connection: QuicConnection): void
}

/** Datagrams that one connection sends in a turn: then it is the others' turn. */
const datagramsPerTurn = 64
const nothing = Buffer.alloc(0)
/** All connections read into the same memory: what they find is copied or used at once. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * One QUIC connection: quiche's state, what waits to be sent, and the instant at which quiche wants to be called again. It does
 * nothing by itself: the {@link Driver} gives it a turn when a datagram came, time passed or somebody wrote.
 */
export class QuicConnection {
  readonly raw: QuicheConnection
  readonly outbox: Outbox
  /** When quiche is to be told of the time, in the driver's ms; infinite where nothing is awaited. */
  dueMs: number = Number.POSITIVE_INFINITY
  isEstablished = false
  /** There were streams before the end of the handshake. */
  isEarly = false
  isEnded = false
  readonly #driver: Driver
  readonly #post: ConnectionPost
  readonly #limits: QuicLimits
  #owner: ConnectionOwner | undefined
  #idsGiven = 0
  /** A datagram has come, time has passed or the connection was closed since the last turn: quiche may have changed. */
  #hasNews = true
  /** In the part of a turn behind which everything is sent anyway. */
  #isSendingSoon = false

  constructor(raw: QuicheConnection, driver: Driver, post: ConnectionPost, limits: QuicLimits) {
    this.raw = raw
    this.#driver = driver
    this.#post = post
    this.#limits = limits
    this.outbox = new Outbox(raw, {
      finished: (streamId) => this.#owner?.finished(streamId),
      stopped: (streamId) => this.#owner?.stopped(streamId),
    })
    driver.add(this)
  }

  /** Must be called before the first turn. */
  ownedBy(owner: ConnectionOwner): void {
    this.#owner = owner
  }

  /**
   * A datagram has come.
   *
   * @param datagram decrypted in place. @returns false where it is not authentic, or against the rules: quiche has dropped it,
   *   or is about to close.
   */
  receive(datagram: Buffer, from: HostPort, to: HostPort): boolean {
    this.#hasNews = true
    this.#driver.wake(this)
    try {
      this.raw.recv(datagram, { from, to })
      return true
    } catch {
      return false
    }
  }

  /** Takes one of the streams that the other side allows. @returns false where it allows no more yet. */
  openStream(streamId: number): boolean {
    if (this.isEnded || this.raw.peerStreamsLeftBidi() === 0) return false
    this.raw.streamSend(streamId, nothing, false)
    return true
  }

  /** @param pieces not copied until sent; see {@link Outbox}. */
  write(streamId: number, pieces: readonly Uint8Array[], isLast: boolean): void {
    if (this.isEnded) return
    this.outbox.write(streamId, pieces, isLast)
    this.#wake()
  }

  /**
   * Reads what a stream has, up to 64 KiB.
   *
   * @returns bytes that are borrowed until the next read of any connection, and whether they are the last; undefined where
   *   nothing is there. @throws Error where the other side has reset the stream.
   */
  read(streamId: number): { bytes: Buffer; isLast: boolean } | undefined {
    const result = this.raw.streamRecv(streamId, readBuffer)
    // The window has room again, which the other side is to know.
    if (result !== null) this.#wake()
    return result === null ? undefined : { bytes: readBuffer.subarray(0, result[0]), isLast: result[1] }
  }

  /** Tells the other side not to send more on this stream. */
  stopReading(streamId: number, code: number): void {
    this.#shutdown(streamId, 0, code)
  }

  /** Nothing can be sent on it: the other side has stopped it, or has acknowledged all of it and quiche has forgotten it. */
  isForgotten(streamId: number): boolean {
    try {
      this.raw.streamCapacity(streamId)
      return false
    } catch {
      return true
    }
  }

  /** Gives up what we send on this stream. */
  reset(streamId: number, code: number): void {
    this.outbox.discard(streamId)
    this.#shutdown(streamId, 1, code)
  }

  /** Asks whoever is at this address whether they are the other side: PATH_CHALLENGE. @throws Error where there is no id for it. */
  probe(local: HostPort, peer: HostPort): void {
    this.raw.probePath(local, peer)
    this.#wake()
  }

  /** Uses a validated path from now on, and says so by using it. @throws Error where it is none. */
  moveTo(local: HostPort, peer: HostPort): void {
    this.raw.migrate(local, peer)
    this.raw.sendAckEliciting()
    this.#wake()
  }

  /** Ends the connection. @param isApp true for a code of HTTP/3, false for one of QUIC. */
  close(code: number, reason: string, isApp = true): void {
    try {
      this.raw.close(isApp, code, Buffer.from(reason))
    } catch {
      // It is closed already.
    }
    this.#hasNews = true
    this.#wake()
  }

  /** Nobody gives it turns any more: its owner is told, the other side is not. */
  abandon(): void {
    if (!this.isEnded) this.#end()
  }

  /** The instant that quiche wanted to be called at has come. */
  expire(): void {
    this.raw.onTimeout()
    this.dueMs = Number.POSITIVE_INFINITY
    this.#hasNews = true
    this.#driver.wake(this)
  }

  /** Called by the driver: sees what has changed, then sends. */
  turn(): void {
    const hasNews = this.#hasNews
    this.#hasNews = false
    this.#isSendingSoon = true
    if (hasNews) this.#takeNews()
    this.#isSendingSoon = false
    if (!this.isEnded) this.outbox.flush()
    this.#send()
    // A client can only be early when its hello is made.
    if (!this.isEstablished && this.#beginEarly()) this.#driver.wake(this)
    if (hasNews || this.#hasNews) {
      if (!this.isEnded && this.#isOver()) this.#end()
      if (this.raw.isClosed()) return this.#post.gone(this)
    }
    const timeoutMs = this.raw.timeout()
    this.dueMs = timeoutMs === null ? Number.POSITIVE_INFINITY : this.#driver.nowMs + timeoutMs
  }

  #takeNews(): void {
    if (!this.isEstablished && this.raw.isEstablished() && !this.raw.isDraining()) {
      this.isEstablished = true
      this.#owner?.established()
    }
    if (!this.isEstablished) this.#beginEarly()
    if (this.isEnded || !(this.isEstablished || this.isEarly)) return
    if (this.isEstablished) this.#renewIds()
    this.#tellPaths()
    for (const streamId of this.raw.readable()) this.#owner?.readable(streamId)
    this.#owner?.caughtUp()
  }

  #isOver(): boolean {
    return this.raw.isDraining() || this.raw.isClosed() || this.raw.localError() !== null
  }

  /** @returns true where it has just begun. */
  #beginEarly(): boolean {
    if (this.isEarly || this.isEnded || !this.raw.isInEarlyData()) return false
    this.isEarly = true
    this.#owner?.early()
    return true
  }

  /** Gives the other side as many ids as it keeps, so that it can use one for each path. */
  #renewIds(): void {
    for (let id = this.raw.retiredScidNext(); id !== null; id = this.raw.retiredScidNext()) this.#post.idRetired(id)
    while (this.#idsGiven < this.#limits.idsGivenMax && this.raw.sourceCidsLeft() > 0) {
      const id = randomBytes(idBytes)
      const token = randomBytes(16)
      this.raw.newSourceCid(id, (token.readBigUInt64BE(0) << 64n) | token.readBigUInt64BE(8), false)
      this.#idsGiven++
      this.#post.idGiven(id, this)
    }
  }

  #tellPaths(): void {
    for (let event = this.raw.pathEventNext(); event; event = this.raw.pathEventNext()) {
      const step = pathEventOf(event)
      if (step !== undefined) this.#owner?.path(step)
    }
  }

  #send(): void {
    const { pool } = this.#driver
    for (let count = 0; count < datagramsPerTurn; count++) {
      if (!pool.hasRoom) return this.#driver.wakeWhenSent(this)
      const buffer = pool.lease()
      const sent = this.#next(buffer)
      if (sent === null) return pool.release(buffer)
      const [length, { from, to }] = sent
      const socket = this.#post.socketAt(from)
      // What is sent from an address that we have left is lost, as on any network.
      if (socket === undefined) pool.release(buffer)
      else socket.send(buffer, length, to)
    }
    this.#driver.wake(this)
  }

  #next(buffer: Buffer): ReturnType<QuicheConnection['send']> {
    try {
      return this.raw.send(buffer)
    } catch {
      // quiche has closed the connection, and says so to whoever asks.
      this.#hasNews = true
      return null
    }
  }

  #end(): void {
    this.isEnded = true
    this.#owner?.ended(this.raw.peerError() ?? this.raw.localError() ?? undefined)
  }

  #shutdown(streamId: number, direction: 0 | 1, code: number): void {
    try {
      this.raw.streamShutdown(streamId, direction, code)
    } catch {
      // The stream is over.
    }
    this.#wake()
  }

  #wake(): void {
    if (!this.#isSendingSoon) this.#driver.wake(this)
  }
}
