import { errorCode } from './codes.ts'
import { Http3Failure } from './failure.ts'

/** "Set the capacity to 0": all that an encoder may say to a decoder whose table has no bytes. RFC 9204, section 4.3.1. */
const capacityOfNothing = 0x20

/** Checks what the other side's encoder says. @throws Http3Failure QPACK_ENCODER_STREAM_ERROR. */
export function checkQpackEncoderStream(bytes: Uint8Array): void {
  for (const byte of bytes) {
    if (byte === capacityOfNothing) continue
    throw new Http3Failure(errorCode.qpackEncoderStreamError, 'an entry for a table that has no bytes')
  }
}

/** A stream number has at most 62 bits, seven to a byte behind the prefix. */
const numberBytesMax = 9

/**
 * Checks what the other side's decoder says to an encoder that has never added an entry: it may give up streams, and there is
 * nothing to acknowledge. RFC 9204, section 4.4.
 *
 * @returns takes the stream's bytes. @throws Http3Failure QPACK_DECODER_STREAM_ERROR, from the taker.
 */
export function checkQpackDecoderStream(): (bytes: Uint8Array) => void {
  /** Bytes of a number that may still follow; 0 between two instructions. */
  let left = 0
  return (bytes) => {
    for (const byte of bytes) {
      if (left === 0) {
        if (byte >>> 6 !== 1) throw failed('an acknowledgment of what was never sent')
        if ((byte & 0x3f) === 0x3f) left = numberBytesMax
      } else if (byte < 0x80) left = 0
      else if (--left === 0) throw failed('a stream number without end')
    }
  }
}

function failed(what: string): Http3Failure {
  return new Http3Failure(errorCode.qpackDecoderStreamError, what)
}
