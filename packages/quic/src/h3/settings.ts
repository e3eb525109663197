import { readVarint, varintBytes, varintLength, writeVarint } from '../varint.ts'
import { errorCode, reservedSettings, setting } from './codes.ts'
import { Http3Failure } from './failure.ts'

/** What one side tells the other once, at the beginning of its control stream. RFC 9114, section 7.2.4.1; RFC 9204, section 5. */
export interface Http3Settings {
  /** Bytes of a field section that it is willing to take: names, values and 32 per field. Default unlimited. */
  fieldSectionBytesMax: number
  /** Bytes of dynamic table that its decoder allows. Default 0: static table and literals only, and nobody ever waits. */
  qpackTableBytesMax: number
  /** Streams that may wait for its table. Default 0. */
  qpackBlockedStreams: number
}

/** What holds as long as nothing else was said. */
export const settingsDefaults: Readonly<Http3Settings> = Object.freeze({
  fieldSectionBytesMax: Number.POSITIVE_INFINITY,
  qpackTableBytesMax: 0,
  qpackBlockedStreams: 0,
})

/** The payload of a SETTINGS frame. What is at its default is left out. */
export function settingsPayload(settings: Http3Settings): Buffer {
  const pairs: [id: number, value: number][] = []
  const { fieldSectionBytesMax, qpackTableBytesMax, qpackBlockedStreams } = settings
  if (Number.isFinite(fieldSectionBytesMax)) pairs.push([setting.fieldSectionBytesMax, fieldSectionBytesMax])
  if (qpackTableBytesMax > 0) pairs.push([setting.qpackTableBytesMax, qpackTableBytesMax])
  if (qpackBlockedStreams > 0) pairs.push([setting.qpackBlockedStreams, qpackBlockedStreams])
  const numbers = pairs.flat()
  const payload = Buffer.alloc(numbers.reduce((sum, number) => sum + varintLength(number), 0))
  numbers.reduce((at, number) => writeVarint(number, payload, at), 0)
  return payload
}

/**
 * Reads the payload of a SETTINGS frame; unknown settings mean nothing.
 *
 * @throws Http3Failure H3_FRAME_ERROR where it is cut; H3_SETTINGS_ERROR for a setting that is there twice or is HTTP/2's.
 */
export function readSettings(payload: Uint8Array): Http3Settings {
  const settings = { ...settingsDefaults }
  const seen = new Set<number>()
  let at = 0
  const next = (): number => {
    if (at >= payload.length || at + varintBytes(payload[at]!) > payload.length) {
      throw new Http3Failure(errorCode.frameError, 'SETTINGS end within a number')
    }
    const value = readVarint(payload, at)
    at += varintBytes(payload[at]!)
    return value
  }
  while (at < payload.length) {
    const id = next()
    const value = next()
    if (reservedSettings.has(id)) throw new Http3Failure(errorCode.settingsError, `setting ${id} is HTTP/2's`)
    if (seen.has(id)) throw new Http3Failure(errorCode.settingsError, `setting ${id} is there twice`)
    seen.add(id)
    if (id === setting.fieldSectionBytesMax) settings.fieldSectionBytesMax = value
    else if (id === setting.qpackTableBytesMax) settings.qpackTableBytesMax = value
    else if (id === setting.qpackBlockedStreams) settings.qpackBlockedStreams = value
  }
  return settings
}
