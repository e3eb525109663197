import type { Connection } from '@qps/netpoll'
import { Carry } from '../carry.ts'
import type { HttpServer } from './server.ts'

const nothing = new Uint8Array(0)
/** Answers that wait for their client, above which it is worth asking the connection whether they are too many. */
const unsentBytesMax = 64 * 1024

/**
 * What a connection has received and cannot parse yet, and whether it is read at all. It is not while too much waits, or
 * while whoever reads a body has enough. Nothing is lost by that: the kernel holds the client back.
 *
 * It also knows since when the request at hand is on its way. The time in which we do not read is not the client's.
 */
export class Intake {
  /** Of a request that is cut, or of the next ones: at most `carryBytesMax` and what one read brings. */
  readonly carry: Carry = new Carry()
  /** The first byte of the request was seen; ms of the server's clock, later by the time in which we did not read. */
  requestAtMs: number
  /** `bytesRead` when the request began. */
  requestFromBytes = 0
  readonly #server: HttpServer
  readonly #output: Connection
  #held = false
  #bodyHeld = false
  #heldAtMs = 0

  constructor(server: HttpServer, output: Connection) {
    this.#server = server
    this.#output = output
    this.requestAtMs = server.nowMs
  }

  /** The connection is not read. */
  get held(): boolean {
    return this.#held
  }

  /** The client asks and does not read. To look is also to ask for `onDrain`, which goes on. */
  get isClogged(): boolean {
    return this.#output.pendingBytes > unsentBytesMax && !this.#output.write(nothing)
  }

  /** The client's time begins. @param ahead bytes of the request that were read already. */
  begin(ahead: number): void {
    this.requestAtMs = this.#server.nowMs
    this.requestFromBytes = this.#output.bytesRead - ahead
  }

  /** Input that cannot be parsed yet. */
  keep(bytes: Uint8Array, start: number, end: number): void {
    this.carry.keep(bytes, start, end)
    if (this.carry.length > this.#server.carryBytesMax) this.#hold()
  }

  /** Whoever reads the body has enough for now. */
  holdBody(): void {
    this.#bodyHeld = true
    this.#hold()
  }

  /** The body is wanted, or of no interest any more: no reason to wait. */
  releaseBody(): void {
    this.#bodyHeld = false
    this.release()
  }

  /** Nothing that comes is of interest any more. It is read all the same, so that the client gets to read what it was told. */
  discard(): void {
    this.carry.drop()
    this.releaseBody()
  }

  /** Reads on, where that is wanted. A head that is cut needs no more room than it may have. */
  release(): void {
    if (!this.#held || this.#bodyHeld) return
    if (this.carry.length > this.#server.limits.headerBytesMax) return
    this.#held = false
    const { nowMs } = this.#server
    this.requestAtMs = Math.min(nowMs, this.requestAtMs + nowMs - this.#heldAtMs)
    this.#output.resume()
  }

  #hold(): void {
    if (this.#held) return
    this.#held = true
    this.#heldAtMs = this.#server.nowMs
    this.#output.pause()
  }
}
