import { type Http2Limits, http2Limits } from '@qps/http2'

/**
 * The bounds of a session: those of @qps/http2, without what only Node counts, and what the engine counts itself. What a
 * client can make a session hold is `streamsMax` times `windowBytes` of input and `outputBytesMax` of output.
 */
export interface EngineLimits extends Omit<Http2Limits, 'sessionMemoryMaxMiB' | 'faultsMax'> {
  /**
   * What a client may have on its way on all streams of a session, in bytes. Given back as it arrives: slow listeners are
   * felt in their streams' windows. Less than the protocol's own 65,535 counts as that. Default 1 MiB.
   */
  connectionWindowBytes: number
  /**
   * Frames that carry nothing (PING, SETTINGS, PRIORITY, window updates, empty DATA, frames for streams that are over) beyond
   * what `emptyFramesPerS`, requests, and answers that they belong to make up for. One more ends the session. Default 1000.
   */
  emptyFramesMax: number
  /** Such frames forgiven each second. Default 100. */
  emptyFramesPerS: number
  /** Output of a session that waits for the client; new streams are refused beyond. Default 8 MiB. */
  outputBytesMax: number
  /**
   * A client may go on sending on a stream that is answered this long, then it is told to stop; and a session that is over
   * may be silent this long before its connection is cut. Default 1 s.
   */
  lingerMs: number
}

const { sessionMemoryMaxMiB: _memory, faultsMax: _faults, ...shared } = http2Limits

/** The defaults that servers, documentation and tests use. */
export const engineLimits: Readonly<EngineLimits> = Object.freeze({
  ...shared,
  connectionWindowBytes: 1024 * 1024,
  emptyFramesMax: 1000,
  emptyFramesPerS: 100,
  outputBytesMax: 8 * 1024 * 1024,
  lingerMs: 1_000,
})
