import { invariant } from '@qps/core'
import { equalsAscii, equalsIgnoringCase } from './ascii.ts'
import { latin1Text, type TextEncoding, utf8Text } from './decode.ts'
import { detach } from './retention.ts'

/**
 * A text that is still bytes: a view of somebody else's memory, decoded at the first asking, once.
 *
 *   parent   │ … │ G E T │   │ / i t e m s / 4 2 │ … │
 *                            start               end
 *
 * What it costs until it is asked is one small object. The price of sharing: until then it says whatever stands in that
 * memory _now_. If the parent is a pooled buffer that has been lent to somebody else meanwhile, that is another request's
 * text. Ask, or {@link LateText.keep}, before the memory is given back. And as long as it exists it keeps all of its
 * parent's memory alive.
 *
 * @example
 * const path = new LateText(bytes, 4, 13)
 * if (path.equals('/health')) return ok()   // no string was made
 * log(path.text)                            // now there is one; asked again, it is the same
 */
export class LateText {
  readonly encoding: TextEncoding
  #bytes: Uint8Array
  #start: number
  #end: number
  #isOwn = false
  #text: string | undefined

  /**
   * @param bytes shared, not copied.
   * @param encoding default `utf8`; heads of HTTP/1.1 are `latin1`.
   * @throws InvariantError where the range is not inside `bytes`.
   */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length, encoding: TextEncoding = 'utf8') {
    invariant(start >= 0 && start <= end && end <= bytes.length, 'a late text lies inside its bytes')
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.encoding = encoding
  }

  /** How long it is in bytes, which for UTF-8 is not in characters. */
  get byteLength(): number {
    return this.#end - this.#start
  }

  /** Has somebody asked? From then on nothing that happens to the memory changes `text` or what `equals` says. */
  get isDecoded(): boolean {
    return this.#text !== undefined
  }

  /** The string. The first time linear in the bytes, afterwards the same string at no cost. */
  get text(): string {
    if (this.#text !== undefined) return this.#text
    const decode = this.encoding === 'latin1' ? latin1Text : utf8Text
    return (this.#text = decode(this.#bytes, this.#start, this.#end))
  }

  /** Is this the word? Does not decode. @param word ASCII. */
  equals(word: string): boolean {
    if (this.#text !== undefined) return this.#text === word
    return equalsAscii(this.#bytes, this.#start, this.#end, word)
  }

  /** Is this the word in any case? Does not decode. @param lower ASCII without capitals. */
  equalsIgnoringCase(lower: string): boolean {
    if (this.#text !== undefined) return lowerAscii(this.#text) === lower
    return equalsIgnoringCase(this.#bytes, this.#start, this.#end, lower)
  }

  /** The bytes themselves, shared with the parent: what is written there is read here, and the other way round. */
  view(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  /** Changes the parent's memory for a copy of these bytes: afterwards the parent may be reused, and collected. */
  keep(): this {
    if (this.#isOwn) return this
    this.#bytes = detach(this.view())
    this.#end -= this.#start
    this.#start = 0
    this.#isOwn = true
    return this
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** `toLowerCase` would fold the Kelvin sign to a k as well, and make two texts equal whose bytes are not. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
