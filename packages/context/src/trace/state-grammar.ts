import { traceLimits } from '../options.ts'

/*
 * Key and value of a member of tracestate. Level 2 has one form of key: what level 1 called tenant and system are letters around
 * an `@` now, which may stand anywhere but in front.
 *
 *   key     = ( lcalpha / DIGIT ) 0*255( lcalpha / DIGIT / "_" / "-" / "*" / "/" / "@" )
 *   value   = 0*255( chr ) nblk-chr          chr: %x20-7E without "," and "="; nblk-chr: the same without " "
 *
 * Source: W3C Trace Context level 2, sections 3.3.1.3.1 and 3.3.1.3.2.
 */

const first = 1
const further = 2
const inValue = 4

/** What each character may be; nothing above 0x7E may be anything. */
const kinds = new Uint8Array(128)
for (let code = 0x20; code <= 0x7e; code++) {
  const character = String.fromCharCode(code)
  if (/[a-z0-9]/.test(character)) kinds[code]! |= first
  if (/[a-z0-9_\-*/@]/.test(character)) kinds[code]! |= further
  if (!/[,=]/.test(character)) kinds[code]! |= inValue
}

function kindOf(code: number): number {
  return code < 128 ? kinds[code]! : 0
}

/** Whether `text` from `start` to `end` is a key. */
export function isKey(text: string, start: number = 0, end: number = text.length): boolean {
  const length = end - start
  if (length < 1 || length > traceLimits.stateKeyLengthMax) return false
  if ((kindOf(text.charCodeAt(start)) & first) === 0) return false
  for (let at = start + 1; at < end; at++) if ((kindOf(text.charCodeAt(at)) & further) === 0) return false
  return true
}

/** Whether `text` from `start` to `end` is a value. */
export function isValue(text: string, start: number = 0, end: number = text.length): boolean {
  const length = end - start
  if (length < 1 || length > traceLimits.stateValueLengthMax) return false
  for (let at = start; at < end; at++) if ((kindOf(text.charCodeAt(at)) & inValue) === 0) return false
  return text.charCodeAt(end - 1) !== 0x20
}
