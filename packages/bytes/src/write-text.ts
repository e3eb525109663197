import { latin1Error } from './errors.ts'
import { checkPlace } from './place.ts'

/*
 * Text into the buffer. See place.ts for what is returned.
 */

/** Up to so many characters a loop is used: a call into Node costs as much as a few dozen turns of it. */
const loopCharactersMax = 32
/** Bytes of a UTF-16 unit in UTF-8, at most. */
const utf8BytesPerUnitMax = 3
/**
 * Node's own encoder, which takes the place as numbers. `TextEncoder.encodeInto` writes the same bytes, and wants a view
 * that begins there: one more object per string.
 */
const { utf8Write } = Buffer.prototype as unknown as {
  utf8Write(this: Uint8Array, text: string, at: number, bytesMax: number): number
}

/** Bytes that {@link writeLatin1} needs. @throws QpsError QPS_BYTES_LATIN1. */
export function latin1Bytes(text: string): number {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0xff) throw latin1Error(text, index)
  return text.length
}

/**
 * Writes characters U+0000 to U+00FF, a byte each: what goes into a head of HTTP/1.1.
 *
 * Others are refused. Node's `latin1` encoding keeps their low byte, which makes a line end of U+010A, and by that a header
 * field of somebody's choosing.
 *
 * @returns the position behind it, or -1 where it does not fit, and then nothing is written.
 * @throws QpsError QPS_BYTES_LATIN1 for another character. @throws InvariantError for what is no position.
 */
export function writeLatin1(target: Uint8Array, at: number, text: string): number {
  checkPlace(target, at)
  const end = at + latin1Bytes(text)
  if (end > target.length) return -1
  for (let index = 0; index < text.length; index++) target[at + index] = text.charCodeAt(index)
  return end
}

/** Bytes that {@link writeUtf8} needs. */
export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text, 'utf8')
}

/**
 * Writes text as UTF-8. Half of a surrogate pair becomes U+FFFD, as everywhere on the web.
 *
 * @returns the position behind it, or -1 where it does not fit, and then nothing is written.
 * @throws InvariantError for what is no position.
 * Source: WHATWG Encoding, "UTF-8 encoder".
 */
export function writeUtf8(target: Uint8Array, at: number, text: string): number {
  checkPlace(target, at)
  const room = target.length - at
  const bytesMax = utf8BytesPerUnitMax * text.length
  // Counting reads the text once more: only where it could be too long.
  if (room < bytesMax && room < utf8Bytes(text)) return -1
  const end = text.length <= loopCharactersMax ? writeAscii(target, at, text) : -1
  return end === -1 ? at + utf8Write.call(target, text, at, Math.min(room, bytesMax)) : end
}

/** @returns the position behind it, or -1 where a character is not ASCII: those before it are written then. */
function writeAscii(target: Uint8Array, at: number, text: string): number {
  const { length } = text
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit >= 0x80) return -1
    target[at + index] = unit
  }
  return at + length
}
