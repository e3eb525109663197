import { QpsError } from '@qps/core'
import { latin1Text } from './decode.ts'

/*
 *   QPS_BYTES_END         the input ends where something has to be
 *   QPS_BYTES_MALFORMED   something else is there than has to be
 *   QPS_BYTES_RANGE       a number that no JavaScript number holds exactly
 *   QPS_BYTES_TOO_LONG    a field is longer than its caller allows
 *   QPS_BYTES_LATIN1      a character that has no byte in Latin-1
 *
 * Positions count from the first byte that the reader was given. What an excerpt shows is bounded and escaped, whatever was
 * sent.
 */

/** Enough to recognize what was meant. */
const excerptBytesMax = 16

/** A few bytes from `at` on, quoted and escaped. */
function excerpt(bytes: Uint8Array, at: number, end: number): string {
  if (at >= end) return 'nothing'
  const text = JSON.stringify(latin1Text(bytes, at, Math.min(end, at + excerptBytesMax)))
  // JSON leaves DEL and U+0080 to U+009F as they are; some terminals obey them.
  return text.replace(/[\x7f-\x9f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`)
}

export const endError = (wanted: string, position: number, left: number): QpsError =>
  new QpsError('QPS_BYTES_END', `${wanted} at byte ${position}, and the input has ${left} left`, {
    hint: 'wait for more input before reading on, or refuse the message as cut',
  })

export const malformedError = (
  wanted: string,
  position: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): QpsError =>
  new QpsError('QPS_BYTES_MALFORMED', `${wanted} at byte ${position}, not ${excerpt(bytes, at, end)}`, {
    hint: 'refuse the message: its sender follows another grammar',
  })

export const rangeError = (position: number, bytes: Uint8Array, at: number, end: number): QpsError =>
  new QpsError('QPS_BYTES_RANGE', `the number at byte ${position} is above 2^53 - 1: ${excerpt(bytes, at, end)}`, {
    hint: 'refuse it: rounded, it would mean something else than its sender meant',
  })

export const tooLongError = (position: number, bytesMax: number): QpsError =>
  new QpsError('QPS_BYTES_TOO_LONG', `the field at byte ${position} is longer than ${bytesMax} bytes`, {
    hint: 'refuse the message, or allow longer fields where their sender is trusted',
  })

export const latin1Error = (text: string, index: number): QpsError => {
  const unit = text.charCodeAt(index).toString(16).padStart(4, '0')
  return new QpsError('QPS_BYTES_LATIN1', `character ${index} of the text, U+${unit}, has no byte in Latin-1`, {
    hint: 'encode it first, with encodeURIComponent for instance, or write it as UTF-8',
  })
}
