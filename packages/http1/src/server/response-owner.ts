import type { Connection } from '@qps/netpoll'

/** What a response needs of the connection that it answers on. */
export interface ResponseOwner {
  readonly output: Connection
  /** HTTP/1.x of the request: 0 or 1. */
  readonly versionMinor: number
  /** Is the answer to HEAD asked for: a head without content? */
  readonly headOnly: boolean
  /** The end of a head whose connection stays: it says for how long. */
  readonly keepAliveLines: Uint8Array
  /** May the connection stay? Asked when the head is written, because the answer stands in it. */
  keepsAlive(): boolean
  /** The head says that the connection closes behind this response, whatever `keepsAlive` has answered. */
  closesAfterwards(): void
  /** The last byte of the response is written. */
  responseEnded(): void
}

/** What an adapter wants to hear of a response. */
export interface ResponseWatcher {
  /** The client has sent FIN and the response is not ended. It may still be reading. */
  onPeerEnd(): void
  /** The connection is gone, or a refusal took the answer's place. */
  onAbandon(): void
  /** After a write that returned false: what waits has fallen to the low-water mark. */
  onDrain(): void
}
