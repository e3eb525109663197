/**
 * The diagnostics channel on which our servers tell of answered requests, whatever the protocol: for the live line of a console,
 * which no server should contain a line for. Publishing costs a look at a field while nobody subscribes.
 */
export const requestDoneChannel = 'qps.request.done'

/** What is published there. */
export interface RequestDone {
  /** Of HTTP. A call of gRPC has the nearest one: 200 for OK, 499 where its client left, 500 where the server is at fault, else 400. */
  status: number
  /** From the head of the request to the end of its answer. */
  seconds: number
  /** So many that differ in nothing. */
  count: number
}

/** The diagnostics channel on which our servers tell of TLS handshakes that ended well. */
export const handshakeDoneChannel = 'qps.handshake.done'

/** What is published there. */
export interface HandshakeDone {
  /** A session was taken up again. */
  resumed: boolean
}
