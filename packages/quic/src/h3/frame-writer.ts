import { encodeFields, fieldsBytesMax, type Field } from '../qpack/encoder.ts'
import { varintLength, writeVarint } from '../varint.ts'
import { frameType, streamType } from './codes.ts'
import { type Http3Settings, settingsPayload } from './settings.ts'

/** The head of a DATA frame; the payload follows as it is, not copied. */
export function dataHead(length: number): Buffer {
  return frameOf(frameType.data, length, Buffer.alloc(0))
}

/** A HEADERS frame: a message's first field section, or its trailers. */
export function headersFrame(fields: readonly Field[]): Buffer {
  const section = Buffer.allocUnsafe(fieldsBytesMax(fields))
  const length = encodeFields(fields, section, 0)
  return frameOf(frameType.headers, length, section.subarray(0, length))
}

/** What a control stream begins with: its type, then SETTINGS. RFC 9114, section 6.2.1. */
export function controlPreface(settings: Http3Settings): Buffer {
  const payload = settingsPayload(settings)
  return Buffer.concat([Buffer.of(streamType.control), frameOf(frameType.settings, payload.length, payload)])
}

/** @param id a server names the first request that it does not answer, a client the first push. RFC 9114, section 5.2. */
export function goawayFrame(id: number): Buffer {
  const payload = Buffer.alloc(varintLength(id))
  writeVarint(id, payload, 0)
  return frameOf(frameType.goaway, payload.length, payload)
}

function frameOf(type: number, length: number, payload: Buffer): Buffer {
  const headBytes = varintLength(type) + varintLength(length)
  const frame = Buffer.allocUnsafe(headBytes + payload.length)
  writeVarint(length, frame, writeVarint(type, frame, 0))
  frame.set(payload, headBytes)
  return frame
}
