import { protocolError } from './frame-rules.ts'
import { readUint32 } from './numbers.ts'
import {
  errorCode,
  frameBytesMax,
  protocolDefaults,
  type ProtocolFailure,
  setting,
  windowBytesMax,
} from './protocol.ts'

/**
 * Hands over each setting of a SETTINGS payload, in order, after its value was checked; unknown ones too.
 *
 * @param bytes the payload, from `start` up to and not including `end`: whole settings of six bytes.
 * @returns what is wrong; the settings before it were handed over.
 * Source: RFC 9113, section 6.5.2.
 */
export function readSettings(
  bytes: Uint8Array,
  start: number,
  end: number,
  apply: (id: number, value: number) => void,
): ProtocolFailure | undefined {
  for (let at = start; at < end; at += 6) {
    const id = (bytes[at]! << 8) | bytes[at + 1]!
    const value = readUint32(bytes, at + 2)
    const refusal = refusalOf(id, value)
    if (refusal !== undefined) return refusal
    apply(id, value)
  }
  return undefined
}

function refusalOf(id: number, value: number): ProtocolFailure | undefined {
  if (id === setting.enablePush && value > 1) return protocolError(`SETTINGS_ENABLE_PUSH of ${value}`)
  if (id === setting.initialWindowSize && value > windowBytesMax) {
    return { code: errorCode.flowControlError, what: `SETTINGS_INITIAL_WINDOW_SIZE of ${value}` }
  }
  if (id === setting.maxFrameSize && (value < protocolDefaults.maxFrameBytes || value > frameBytesMax)) {
    return protocolError(`SETTINGS_MAX_FRAME_SIZE of ${value}`)
  }
  return undefined
}
