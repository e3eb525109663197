import type { DrainReport } from '@qps/http-contract'
import type { CopyCount } from '../copies.ts'

/**
 * A stream as a call needs it, whatever speaks HTTP/2 below: node:http2, or the engine. Header sections are names and values
 * in turns. Every method is harmless after the end.
 */
export interface CallStream {
  /** Nothing can be sent any more. */
  readonly closed: boolean
  /** What was written waits for the client. */
  readonly blocked: boolean
  /** `address:port` of the client. */
  readonly peer: string
  /** As grpc-js has it; empty without TLS, and without a certificate of the client that was verified. */
  readonly authContext: { transportSecurityType?: string; sslPeerCertificate?: object }

  /** From here on things arrive. Once. */
  listen(events: CallStreamEvents): void
  /** @param endStream true where nothing follows: the section is trailers as well. */
  respond(headers: readonly string[], endStream: boolean): void
  /** @param taken called when the connection has taken them; never, if the stream ends before. */
  write(framed: Buffer, taken: () => void): void
  /** The last message, if there is one more, and the trailers, when everything has been taken. */
  end(framed: Buffer | undefined, trailers: readonly string[]): void
  /** Reads no more until `resume`: the client's window closes by itself. What is on its way may still come. */
  pause(): void
  resume(): void
  /** @param code of RFC 9113, section 7. */
  reset(code: number): void
}

/** What happens to a stream; copies that a transport makes of payload are counted here. After `onStreamClosed` nothing else comes. */
export interface CallStreamEvents extends CopyCount {
  /** @param piece nobody else writes to it. */
  onData(piece: Buffer): void
  /** The client has sent everything. */
  onRequestOver(): void
  /** The client has reset the stream; `onStreamClosed` may be long in coming. */
  onAborted(): void
  /** The status is on its way: whatever becomes of the stream, the call was answered. */
  onAnswered(): void
  onStreamClosed(): void
}

/** What of a request's head decides about the call. */
export interface CallHead {
  readonly method: string | undefined
  readonly path: string
  readonly contentType: string | undefined
  readonly timeout: string | undefined
  readonly encoding: string | undefined
}

/** Where calls come from, and how that ends. */
export interface CallTransport {
  readonly connections: number
  /** Ends serving and loses no call. @param limitMs after this, what is left is cut. */
  drain(limitMs: number): Promise<DrainReport>
}
