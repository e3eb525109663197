import { checkInteger } from '@qps/core'

/** Every bound of a server or a client: sizes in bytes, times in milliseconds. */
export interface GrpcLimits {
  /** One message, as sent and as decompressed; beyond: RESOURCE_EXHAUSTED. Default 4 MiB, that of every gRPC. */
  messageBytesMax: number
  /** How many times its compressed size a message may have. Default 100. */
  inflateRatioMax: number
  /** A header section or the trailers, counted as RFC 9113 section 6.5.2 does. Default 16 KiB. */
  headerListBytesMax: number
  /** Streams that a peer may have open on one connection. Default 128. */
  streamsMax: number
  /** Bytes of one stream that may be on their way to us. Default 256 KiB. */
  streamWindowBytes: number
  /** Bytes of all streams of a connection that may be on their way to us. Default 1 MiB. */
  connectionWindowBytes: number
  /** Memory of one connection in megabytes, what waits to be sent included; beyond: new streams are refused. Default 64. */
  sessionMemoryMb: number
  /** Server: connections; beyond: closed at once. Default 4096. */
  connectionsMax: number
  /** Server: calls that a client may abort in a row, see `resetsPerS`; beyond: its connection is cut. Default 100. */
  resetsMax: number
  /** Server: aborted calls that are forgiven each second; a call that is answered makes up for one as well. Default 33. */
  resetsPerS: number
  /** Server: output may wait for a client this long without any of it being taken, then its connection is cut. Default 8 s. */
  readerStallMs: number
  /** Server: a client may go on sending for a call that is answered this long, then it is told to stop. Default 1 s. */
  lingerMs: number
  /** Server: a connection without a call is told to leave after this, whether it ever made one or not. Default 5 min. */
  idleMs: number
  /** Server: period of the sweep that looks for such clients. Default 500 ms. */
  sweepMs: number
  /** Client: calls that wait for a stream; beyond: RESOURCE_EXHAUSTED. Default 1024. */
  queueMax: number
  /** Client: time to connect. Default 5 s. */
  connectTimeoutMs: number
  /** Client: after a failed attempt to connect, calls fail at once for this long, doubled each time. Default 50 ms. */
  backoffMs: number
  /** Client: but never for longer than this. Default 2 s. */
  backoffMsMax: number
}

/** The defaults that the server, the client, the documentation and the tests all use. */
export const grpcLimits: Readonly<GrpcLimits> = Object.freeze({
  messageBytesMax: 4 * 1024 * 1024,
  inflateRatioMax: 100,
  headerListBytesMax: 16 * 1024,
  streamsMax: 128,
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 1024 * 1024,
  sessionMemoryMb: 64,
  connectionsMax: 4096,
  resetsMax: 100,
  resetsPerS: 33,
  readerStallMs: 8_000,
  lingerMs: 1_000,
  idleMs: 300_000,
  sweepMs: 500,
  queueMax: 1024,
  connectTimeoutMs: 5_000,
  backoffMs: 50,
  backoffMsMax: 2_000,
})

/** The largest value that makes sense for each: what the protocol can express, or what a machine can hold. */
const largest: Readonly<GrpcLimits> = {
  messageBytesMax: 256 * 1024 * 1024,
  inflateRatioMax: 1100,
  headerListBytesMax: 1024 * 1024,
  streamsMax: 65_536,
  streamWindowBytes: 2 ** 31 - 1,
  connectionWindowBytes: 2 ** 31 - 1,
  sessionMemoryMb: 4096,
  connectionsMax: 1_000_000,
  resetsMax: 1_000_000,
  resetsPerS: 1_000_000,
  readerStallMs: 3_600_000,
  lingerMs: 60_000,
  idleMs: 86_400_000,
  sweepMs: 60_000,
  queueMax: 1_000_000,
  connectTimeoutMs: 600_000,
  backoffMs: 60_000,
  backoffMsMax: 600_000,
}

/** @throws QpsError QPS_OPTION for a limit that is no whole number in its range. */
export function checkedLimits(limits: Partial<GrpcLimits> = {}): Readonly<GrpcLimits> {
  const all = { ...grpcLimits, ...limits }
  for (const name of Object.keys(grpcLimits) as (keyof GrpcLimits)[]) {
    checkInteger(`limits.${name}`, all[name], { min: 1, max: largest[name] })
  }
  return Object.freeze(all)
}
