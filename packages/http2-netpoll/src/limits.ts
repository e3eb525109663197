import { type Http2Limits, http2Limits } from '@qps/http2'

/** The bounds of a session: those of @qps/http2, without what only Node counts, and what the engine counts itself. */
export interface EngineLimits extends Omit<Http2Limits, 'sessionMemoryMaxMiB' | 'faultsMax' | 'headerFieldsMax'> {
  /** What a client may send on all streams of a session before we have taken it, in bytes. Default 1 MiB. */
  connectionWindowBytes: number
  /**
   * Frames that carry nothing (PING, SETTINGS, PRIORITY, window updates, empty DATA, frames for streams that are over) beyond
   * what `emptyFramesPerS` and real work make up for. One more ends the session. Default 1000.
   */
  emptyFramesMax: number
  /** Such frames forgiven each second. Default 100. */
  emptyFramesPerS: number
  /** Output of a session that waits for the client; new streams are refused beyond. Default 8 MiB. */
  outputBytesMax: number
  /** A client may go on sending on a stream that is answered this long, then it is told to stop. Default 1 s. */
  lingerMs: number
}

const { sessionMemoryMaxMiB: _memory, faultsMax: _faults, headerFieldsMax: _fields, ...shared } = http2Limits

/** The defaults that servers, documentation and tests use. */
export const engineLimits: Readonly<EngineLimits> = Object.freeze({
  ...shared,
  connectionWindowBytes: 1024 * 1024,
  emptyFramesMax: 1000,
  emptyFramesPerS: 100,
  outputBytesMax: 8 * 1024 * 1024,
  lingerMs: 1_000,
})
