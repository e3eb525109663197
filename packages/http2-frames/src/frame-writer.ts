import { invariant } from '@qps/core'
import { writeUint32 } from './numbers.ts'
import { errorCode, frameFlag, frameHeadBytes, frameType } from './protocol.ts'

/*
 * Frames into a caller's buffer. Each function writes from `at` on, returns where the next frame begins, and allocates
 * nothing. Too little room is the caller's mistake: an invariant failure, before a byte is written. Sources: RFC 9113,
 * sections 4.1 and 6.
 */

/** Nine bytes; the payload of `payloadBytes` bytes must follow and have room. */
export function writeFrameHead(
  out: Uint8Array,
  at: number,
  payloadBytes: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  invariant(at + frameHeadBytes + payloadBytes <= out.length, 'a frame needs room in its buffer')
  out[at] = payloadBytes >>> 16
  out[at + 1] = payloadBytes >>> 8
  out[at + 2] = payloadBytes
  out[at + 3] = type
  out[at + 4] = flags
  return writeUint32(out, at + 5, streamId)
}

/** @param settings identifiers with their values, in this order. */
export function writeSettings(
  out: Uint8Array,
  start: number,
  settings: readonly (readonly [id: number, value: number])[],
): number {
  let at = writeFrameHead(out, start, 6 * settings.length, frameType.settings, frameFlag.none, 0)
  for (const [id, value] of settings) {
    out[at] = id >>> 8
    out[at + 1] = id
    at = writeUint32(out, at + 2, value)
  }
  return at
}

export function writeSettingsAck(out: Uint8Array, at: number): number {
  return writeFrameHead(out, at, 0, frameType.settings, frameFlag.ack, 0)
}

/** Room that {@link writeHeaders} needs for a block. */
export function headersBytes(blockBytes: number, maxFrameBytes: number): number {
  return blockBytes + frameHeadBytes * Math.max(1, Math.ceil(blockBytes / maxFrameBytes))
}

/**
 * HEADERS, with CONTINUATION where the block is longer than one frame may be.
 *
 * @param maxFrameBytes the peer's SETTINGS_MAX_FRAME_SIZE.
 */
export function writeHeaders(
  out: Uint8Array,
  start: number,
  streamId: number,
  block: Uint8Array,
  endStream: boolean,
  maxFrameBytes: number,
): number {
  invariant(start + headersBytes(block.length, maxFrameBytes) <= out.length, 'a header block needs room in its buffer')
  let at = start
  for (let from = 0; from === 0 || from < block.length; from += maxFrameBytes) {
    const to = Math.min(block.length, from + maxFrameBytes)
    const type = from === 0 ? frameType.headers : frameType.continuation
    const ends = from === 0 && endStream ? frameFlag.endStream : frameFlag.none
    at = writeFrameHead(out, at, to - from, type, ends | (to === block.length ? frameFlag.endHeaders : 0), streamId)
    out.set(from === 0 && to === block.length ? block : block.subarray(from, to), at)
    at += to - from
  }
  return at
}

/** One DATA frame with the bytes from `from` up to and not including `to`, which fit into a frame and into the windows. */
export function writeData(
  out: Uint8Array,
  start: number,
  streamId: number,
  content: Uint8Array,
  from: number,
  to: number,
  endStream: boolean,
): number {
  const flags = endStream ? frameFlag.endStream : frameFlag.none
  const at = writeFrameHead(out, start, to - from, frameType.data, flags, streamId)
  out.set(from === 0 && to === content.length ? content : content.subarray(from, to), at)
  return at + to - from
}

/** @param incrementBytes 1..2^31-1. @param streamId 0 for the connection's window. */
export function writeWindowUpdate(out: Uint8Array, at: number, streamId: number, incrementBytes: number): number {
  return writeUint32(out, writeFrameHead(out, at, 4, frameType.windowUpdate, frameFlag.none, streamId), incrementBytes)
}

/** @param opaque where the eight bytes of the PING begin. */
export function writePingAck(out: Uint8Array, start: number, bytes: Uint8Array, opaque: number): number {
  const at = writeFrameHead(out, start, 8, frameType.ping, frameFlag.ack, 0)
  out.set(bytes.subarray(opaque, opaque + 8), at)
  return at + 8
}

export function writeRstStream(out: Uint8Array, at: number, streamId: number, code: number): number {
  return writeUint32(out, writeFrameHead(out, at, 4, frameType.rstStream, frameFlag.none, streamId), code)
}

/** @param lastStreamId the highest stream of the peer's that was or may have been acted upon. */
export function writeGoaway(
  out: Uint8Array,
  start: number,
  lastStreamId: number,
  code: number = errorCode.noError,
): number {
  const at = writeFrameHead(out, start, 8, frameType.goaway, frameFlag.none, 0)
  return writeUint32(out, writeUint32(out, at, lastStreamId), code)
}
