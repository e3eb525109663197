import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { okTrailers } from '../call.ts'
import type { CallStream, CallStreamEvents } from '../transport.ts'
import type { ServerConnection } from './connection.ts'
import { SlicedWrite, sliceBytes } from './sliced-write.ts'

type OwnedStream = ServerHttp2Stream & { [owner]: NodeCallStream }
const owner = Symbol('call')

/** A Date header tells a gRPC client nothing. */
const withTrailers = Object.freeze({ waitForTrailers: true, sendDate: false })
const withoutBody = Object.freeze({ endStream: true, sendDate: false })
const okTrailersObject: OutgoingHttpHeaders = Object.freeze({ 'grpc-status': '0' })

/**
 * A call's stream on node:http2. The listeners on the stream are the same functions for all calls: they find this object on
 * the stream.
 */
export class NodeCallStream implements CallStream {
  readonly http2: ServerHttp2Stream
  /** Since when output has waited without any of it being taken; undefined while none waits. */
  waitingSinceMs: number | undefined
  /** The status is on its way. */
  answered = false
  readonly #connection: ServerConnection
  #events: CallStreamEvents | undefined
  #requestOver = false
  #abortWatched = false
  #sliced: SlicedWrite | undefined
  #trailers: readonly string[] = okTrailers

  constructor(stream: ServerHttp2Stream, connection: ServerConnection) {
    this.http2 = stream
    this.#connection = connection
  }

  get closed(): boolean {
    return this.http2.destroyed || this.http2.closed
  }

  get blocked(): boolean {
    return this.waitingSinceMs !== undefined
  }

  get peer(): string {
    const socket = this.#socket
    return socket?.remoteAddress === undefined ? 'unknown' : `${socket.remoteAddress}:${socket.remotePort}`
  }

  get authContext(): { transportSecurityType?: string; sslPeerCertificate?: object } {
    const socket = this.#socket as TLSSocket | undefined
    if (socket?.authorized !== true) return {}
    return { transportSecurityType: 'ssl', sslPeerCertificate: socket.getPeerCertificate().raw }
  }

  get #socket() {
    const { session } = this.http2
    return session === undefined || session.destroyed ? undefined : session.socket
  }

  listen(events: CallStreamEvents): void {
    this.#events = events
    const stream = this.http2
    ;(stream as OwnedStream)[owner] = this
    stream.on('close', onStreamClose)
    stream.on('end', onStreamEnd)
    stream.on('data', onStreamData)
  }

  respond(headers: readonly string[], endStream: boolean): void {
    if (endStream) {
      this.http2.respond(headers, withoutBody)
      return this.#settle()
    }
    this.http2.on('wantTrailers', onStreamWantsTrailers)
    this.http2.respond(headers, withTrailers)
  }

  write(framed: Buffer, taken: () => void): void {
    this.waitingSinceMs ??= this.#connection.clock.nowMs()
    if (framed.length > sliceBytes) return this.#writeSliced(framed, taken)
    this.http2.write(framed, () => {
      this.onTaken(false)
      taken()
    })
  }

  end(framed: Buffer | undefined, trailers: readonly string[]): void {
    this.#trailers = trailers
    if (framed === undefined) {
      if (this.#sliced) this.#sliced.last = true
      else this.http2.end()
      return
    }
    this.waitingSinceMs ??= this.#connection.clock.nowMs()
    if (framed.length > sliceBytes) {
      this.#writeSliced(framed, ignore)
      this.#sliced!.last = true
    } else this.http2.end(framed)
  }

  pause(): void {
    this.http2.pause()
    if (this.#abortWatched) return
    // A stream that is paused does not end, and so does not close, where the client resets it with the code 0.
    this.#abortWatched = true
    this.http2.on('aborted', onStreamAborted)
  }

  resume(): void {
    if (this.http2.isPaused()) this.http2.resume()
  }

  reset(code: number): void {
    this.http2.close(code)
  }

  /** @internal What waited has been taken; `more` of the same message follows. */
  onTaken(more: boolean): void {
    this.waitingSinceMs = more ? this.#connection.clock.nowMs() : undefined
    if (!more) this.#sliced = undefined
    this.#connection.onProgress()
  }

  /** @internal */
  onData(piece: Buffer): void {
    this.#events!.onData(piece)
  }

  /** @internal */
  onAborted(): void {
    this.#events!.onAborted()
    this.http2.resume()
  }

  /** @internal */
  onRequestOver(): void {
    this.#requestOver = true
    this.#events!.onRequestOver()
  }

  /** @internal */
  onWantTrailers(): void {
    this.#settle()
    this.http2.sendTrailers(this.#trailers === okTrailers ? okTrailersObject : trailersObject(this.#trailers))
  }

  /** @internal */
  onClosed(): void {
    this.waitingSinceMs = undefined
    this.#events!.onStreamClosed()
    this.#connection.onClosed(this, !this.answered || this.http2.rstCode !== constants.NGHTTP2_NO_ERROR)
  }

  /** Nothing waits for the client but the status. */
  #settle(): void {
    this.answered = true
    this.waitingSinceMs = undefined
    this.#events?.onAnswered()
    if (!this.#requestOver) this.#connection.linger(this.http2)
  }

  #writeSliced(framed: Buffer, taken: () => void): void {
    this.#sliced = new SlicedWrite(this, framed, taken)
    this.#sliced.next()
  }
}

/** node:http2 takes trailers as an object. */
function trailersObject(pairs: readonly string[]): OutgoingHttpHeaders {
  const trailers = Object.create(null) as Record<string, string | string[]>
  for (let at = 0; at < pairs.length; at += 2) {
    const key = pairs[at]!
    const before = trailers[key]
    trailers[key] = before === undefined ? pairs[at + 1]! : [before, pairs[at + 1]!].flat()
  }
  return trailers
}

function ignore(): void {
  // The end of the stream is what tells that a reply was taken.
}

function onStreamData(this: ServerHttp2Stream, piece: Buffer): void {
  ;(this as OwnedStream)[owner].onData(piece)
}

function onStreamAborted(this: ServerHttp2Stream): void {
  ;(this as OwnedStream)[owner].onAborted()
}

function onStreamEnd(this: ServerHttp2Stream): void {
  ;(this as OwnedStream)[owner].onRequestOver()
}

function onStreamWantsTrailers(this: ServerHttp2Stream): void {
  ;(this as OwnedStream)[owner].onWantTrailers()
}

function onStreamClose(this: ServerHttp2Stream): void {
  ;(this as OwnedStream)[owner].onClosed()
}
