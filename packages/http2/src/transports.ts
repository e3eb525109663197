import type { Http2SecureServer, Http2Server, Http2Session } from 'node:http2'
import type { Socket } from 'node:net'

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

  /** Tells the client that the server is about to leave. Nothing changes for its streams, and new ones are answered. */
  giveNotice(session: Http2Session): void {
    if (!session.destroyed) this.#sockets.get(session)?.write(shutdownNotice)
  }

  /** Ends the connection without waiting for what was written to be taken. */
  destroy(session: Http2Session): void {
    this.#sockets.get(session)?.destroy()
  }
}
