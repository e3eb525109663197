import { channel } from 'node:diagnostics_channel'
import { type RequestDone, requestDoneChannel } from '@qps/http-contract'
import { GrpcStatus } from '../status.ts'

/**
 * Is told of a server's calls. The servers of this package and grpc-js under `serveGrpcJs` tell the same things at the same
 * points, so that a comparison of them does not measure what is counted.
 */
export interface CallObserver {
  /**
   * Who is told of this method's calls: asked once for each method when its service is added, and once for each call that
   * is refused by its head.
   *
   * @param path of a method of this server, or what a client asked for instead, which may be any text.
   */
  method(path: string): MethodObserver
}

/** Is told of the calls of one method: numbers only, so that nothing needs to be made for a call. */
export interface MethodObserver {
  /** A call has begun. */
  started(): void
  /** A message of the client's has come, whole and decoded. */
  received(): void
  /** A message to the client has been encoded. */
  sent(): void
  /**
   * A call has ended; each that was started does, once.
   *
   * @param status of its answer; CANCELLED where the client left before that was on its way.
   * @param seconds from the header section to the end of the stream.
   */
  handled(status: number, seconds: number): void
}

/** Tells whoever subscribes of each call that is over. */
const callDone = channel(requestDoneChannel)
const serverFaults: ReadonlySet<number> = new Set([
  GrpcStatus.UNKNOWN,
  GrpcStatus.INTERNAL,
  GrpcStatus.UNAVAILABLE,
  GrpcStatus.DATA_LOSS,
])

/** A call is over. @param observed whoever is told of its method; undefined for nobody. */
export function tellHandled(observed: MethodObserver | undefined, status: number, seconds: number): void {
  observed?.handled(status, seconds)
  if (callDone.hasSubscribers) callDone.publish({ status: httpLike(status), seconds, count: 1 } satisfies RequestDone)
}

function httpLike(status: number): number {
  if (status === GrpcStatus.OK) return 200
  if (status === GrpcStatus.CANCELLED) return 499
  return serverFaults.has(status) ? 500 : 400
}
