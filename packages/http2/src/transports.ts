import type { Http2SecureServer, Http2Server, Http2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/**
 * GOAWAY whose last stream is the highest number there is: "stop soon" (RFC 9113 section 6.8). `session.goaway` cannot say
 * it: nghttp2 takes no new stream once it has sent any GOAWAY but its own notice, which node:http2 has no name for. So these
 * bytes are written to the transport, where they stand between two frames: node:http2 hands frames over whole.
 */
const shutdownNotice = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])

/**
 * The sockets below the sessions of servers: what `session.socket` shows of them neither writes nor ends.
 *
 * @example
 * const transports = new Transports()
 * transports.attach(server)
 * transports.giveNotice(session)
 */
export class Transports {
  readonly #sockets = new WeakMap<Http2Session, Socket>()
  /** The connection that is just becoming a session. */
  #becoming: Socket | undefined

  /** Before the server listens. */
  attach(server: Http2Server | Http2SecureServer): void {
    // Before node's own listener, which makes the session there and then.
    const becoming = 'setSecureContext' in server ? 'secureConnection' : 'connection'
    server.prependListener(becoming, (socket: Socket) => (this.#becoming = socket))
    server.prependListener('session', (session: Http2Session) => {
      if (this.#becoming !== undefined) this.#sockets.set(session, this.#becoming)
      this.#becoming = undefined
    })
  }

  /**
   * Tells the client that the server is about to leave, where that can be said. Nothing changes for its streams, and new ones
   * are answered.
   *
   * A session owns its transport: it takes the end of any write for the end of its own, which is an assertion of Node's
   * (node_http2.cc, crypto_tls.cc) and the end of the process. Only a write that is over at once has no such end. That is one
   * to a TCP socket of which nothing waits, and never one over TLS: there, the farewell that names the last stream is the
   * first that a client hears, and what crossed it was refused unprocessed, which clients may send again.
   */
  giveNotice(session: Http2Session): void {
    const socket = this.#sockets.get(session)
    if (session.destroyed || socket === undefined || socket instanceof TLSSocket) return
    if (waitingBytes(socket) === 0) socket.write(shutdownNotice)
  }

  /** Ends the connection without waiting for what was written to be taken. */
  destroy(session: Http2Session): void {
    this.#sockets.get(session)?.destroy()
  }
}

/** Bytes of a TCP socket that the kernel has not taken: those of the session too, which `writableLength` does not know. */
function waitingBytes(socket: Socket): number | undefined {
  return (socket as Socket & { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize
}
