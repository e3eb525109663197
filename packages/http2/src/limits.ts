import type { ServerOptions } from 'node:http2'
import { type HttpLimits, httpLimits } from '@qps/http-contract'

/** The bounds of HTTP/2: those of HTTP that mean the same here, and those that only streams need. */
export interface Http2Limits extends Pick<
  HttpLimits,
  | 'headerBytesMax'
  | 'headerFieldsMax'
  | 'bodyBytesMax'
  | 'requestTimeoutMs'
  | 'readerStallMs'
  | 'sliceBytes'
  | 'idleMs'
  | 'headersTimeoutMs'
  | 'connectionsMax'
  | 'connectionsPerAddressMax'
  | 'sweepMs'
  | 'drainGraceMs'
> {
  /** Streams that a client may have open on one session. Default 100, the least that RFC 9113 section 6.5.2 recommends. */
  streamsMax: number
  /**
   * Streams that a client may reset, or make us reset, beyond what `resetsPerS` and answers in order make up for. One more
   * ends the session: rapid reset, CVE-2023-44487. Default 30.
   */
  resetsMax: number
  /** Resets forgiven each second: clients do cancel. Default 10. */
  resetsPerS: number
  /** Memory that Node may hold for one session, in MiB; new streams are refused beyond. Default 8: every stream's receive window. */
  sessionMemoryMaxMiB: number
  /** Invalid frames and refused streams before the session ends, of Node's own counters. Default 100. */
  faultsMax: number
  /** What a client may send on one stream before we have taken it, in bytes. Default 65,535, the protocol's own. */
  windowBytes: number
}

/** The defaults that servers, documentation and tests use. */
export const http2Limits: Readonly<Http2Limits> = Object.freeze({
  headerBytesMax: httpLimits.headerBytesMax,
  headerFieldsMax: httpLimits.headerFieldsMax,
  bodyBytesMax: httpLimits.bodyBytesMax,
  requestTimeoutMs: httpLimits.requestTimeoutMs,
  readerStallMs: httpLimits.readerStallMs,
  sliceBytes: httpLimits.sliceBytes,
  idleMs: httpLimits.idleMs,
  headersTimeoutMs: httpLimits.headersTimeoutMs,
  connectionsMax: httpLimits.connectionsMax,
  connectionsPerAddressMax: httpLimits.connectionsPerAddressMax,
  sweepMs: httpLimits.sweepMs,
  drainGraceMs: httpLimits.drainGraceMs,
  streamsMax: 100,
  resetsMax: 30,
  resetsPerS: 10,
  sessionMemoryMaxMiB: 8,
  faultsMax: 100,
  windowBytes: 65_535,
})

/**
 * The options for `createServer` and `createSecureServer` of node:http2 that enforce what Node enforces by itself (row S8).
 *
 * @example const server = createServer(serverOptions(http2Limits))
 */
export function serverOptions(limits: Http2Limits): ServerOptions {
  return {
    settings: {
      maxConcurrentStreams: limits.streamsMax,
      enablePush: false,
      maxHeaderListSize: limits.headerBytesMax,
      initialWindowSize: limits.windowBytes,
    },
    maxSessionMemory: limits.sessionMemoryMaxMiB,
    maxHeaderListPairs: limits.headerFieldsMax,
    maxSessionInvalidFrames: limits.faultsMax,
    maxSessionRejectedStreams: limits.faultsMax,
  }
}
