import { checkPlace } from './place.ts'
import { writeUtf8 } from './write-text.ts'

/*
 * A string as JSON, into the buffer. See place.ts for what is returned.
 */

const quote = 0x22
const backslash = 0x5c
/** The letter u: the escape is four hexadecimal digits. */
const unicode = 0x75
/** Bytes of a UTF-16 unit, at most: `\u0000`. */
const bytesPerUnitMax = 6
const hexDigits: Uint8Array = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))

/** Up to so many characters the loop that escapes is used at once; longer ones are searched for what needs it first. */
const loopCharactersMax = 32
/** What is not written as it is, by what is: halves of surrogate pairs are found with the pairs, which take the slower way. */
const needsCare = /[^ !#-[\]-\ud7ff\ue000-\uffff]/

/** By ASCII character: the letter behind the backslash, or 0 where it stands for itself. ECMA-262, QuoteJSONString. */
const escapeOf: Uint8Array = Uint8Array.from({ length: 128 }, (_, unit) => (unit < 0x20 ? unicode : 0))
for (const [character, letter] of Object.entries({
  '"': '"',
  '\\': '\\',
  '\b': 'b',
  '\f': 'f',
  '\n': 'n',
  '\r': 'r',
  '\t': 't',
})) {
  escapeOf[character.charCodeAt(0)] = letter.charCodeAt(0)
}

/** Bytes that {@link writeJsonString} needs, the quotes among them. Linear in the text. */
export function jsonStringBytes(text: string): number {
  let bytes = 2
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) {
      const escape = escapeOf[unit]!
      bytes += escape === 0 ? 1 : escape === unicode ? 6 : 2
    } else if (unit < 0x800) bytes += 2
    else if (!isSurrogate(unit)) bytes += 3
    else if (text.codePointAt(index)! > 0xffff) {
      bytes += 4
      index++
    } else bytes += 6
  }
  return bytes
}

/**
 * Writes a string exactly as `JSON.stringify` does, as UTF-8: with its quotes, the same characters escaped in the same way,
 * half of a surrogate pair as `\udxxx`.
 *
 * @returns the position behind it, or -1 where it does not fit, and then nothing is written.
 * @throws InvariantError for what is no position.
 * @example writeJsonString(target, 0, 'a "b"') // 9: the bytes of "a \"b\""
 * Source: ECMA-262, QuoteJSONString; RFC 8259, section 7.
 */
export function writeJsonString(target: Uint8Array, at: number, text: string): number {
  checkPlace(target, at)
  const room = target.length - at
  // Counting reads the text once more: only where it could be too long.
  if (room < 2 + bytesPerUnitMax * text.length && room < jsonStringBytes(text)) return -1
  target[at] = quote
  const escapes = text.length <= loopCharactersMax || needsCare.test(text)
  const end = escapes ? writeEscaped(target, at + 1, text) : writeUtf8(target, at + 1, text)
  target[end] = quote
  return end + 1
}

/** There is room for all of it. */
function writeEscaped(target: Uint8Array, at: number, text: string): number {
  let to = at
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) {
      const escape = escapeOf[unit]!
      if (escape === 0) target[to++] = unit
      else to = writeEscape(target, to, unit, escape)
    } else if (isSurrogate(unit)) {
      const point = text.codePointAt(index)!
      if (point > 0xffff) {
        to = writePair(target, to, point)
        index++
      } else to = writeEscape(target, to, unit, unicode)
    } else to = writeFew(target, to, unit)
  }
  return to
}

function isSurrogate(unit: number): boolean {
  return (unit & 0xf800) === 0xd800
}

function writeEscape(target: Uint8Array, at: number, unit: number, letter: number): number {
  target[at] = backslash
  target[at + 1] = letter
  if (letter !== unicode) return at + 2
  target[at + 2] = hexDigits[unit >>> 12]!
  target[at + 3] = hexDigits[(unit >>> 8) & 15]!
  target[at + 4] = hexDigits[(unit >>> 4) & 15]!
  target[at + 5] = hexDigits[unit & 15]!
  return at + 6
}

/** Two or three bytes: U+0080 to U+FFFF. */
function writeFew(target: Uint8Array, at: number, point: number): number {
  let to = at
  if (point < 0x800) target[to++] = 0xc0 | (point >>> 6)
  else {
    target[to++] = 0xe0 | (point >>> 12)
    target[to++] = 0x80 | ((point >>> 6) & 0x3f)
  }
  target[to++] = 0x80 | (point & 0x3f)
  return to
}

/** Four bytes: U+10000 and above. */
function writePair(target: Uint8Array, at: number, point: number): number {
  target[at] = 0xf0 | (point >>> 18)
  target[at + 1] = 0x80 | ((point >>> 12) & 0x3f)
  target[at + 2] = 0x80 | ((point >>> 6) & 0x3f)
  target[at + 3] = 0x80 | (point & 0x3f)
  return at + 4
}
