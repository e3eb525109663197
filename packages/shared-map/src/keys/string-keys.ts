import { keyError } from '../errors.ts'
import { headAt, headBytes, inlineBytes, type Layout, scratchAt, wideBit } from '../layout.ts'
import type { KeyCodec } from './key-codec.ts'

/**
 * Strings become words in the thread's scratch, in one pass over their characters and without an encoder: four characters of
 * Latin-1 to a word, by the core, or two of any others, here. Which of the two is part of the length, so that different strings
 * are different keys, lone surrogates included.
 */
export class StringKeys implements KeyCodec<string> {
  readonly #encode: (key: string) => number
  readonly #words: Int32Array
  readonly #layout: Layout
  readonly #bytesMax: number
  /** Index of the scratch's first word, and of the first one of the tail. */
  readonly #start: number
  readonly #tail: number

  /** @param encode the core's. */
  constructor(
    encode: (key: string) => number,
    words: Int32Array,
    layout: Layout,
    scratch: number,
    keyBytesMax: number,
  ) {
    this.#encode = encode
    this.#words = words
    this.#layout = layout
    this.#bytesMax = keyBytesMax
    this.#start = (scratch + scratchAt.words) / 4
    this.#tail = (scratch + scratchAt.tail) / 4
  }

  encode(key: string): number {
    this.check(key)
    const length = this.#encode(key)
    return length < 0 ? this.#encodeWide(key) : length
  }

  check(key: string): void {
    if (typeof key !== 'string') throw keyError('a string', key)
  }

  #encodeWide(key: string): number {
    const bytes = 2 * key.length
    if (bytes > this.#bytesMax) throw this.#tooLong(key)
    let at = this.#start
    for (let index = 0; index < key.length; index += 2) {
      const second = index + 1 < key.length ? key.charCodeAt(index + 1) : 0
      this.#words[at++] = key.charCodeAt(index) | (second << 16)
    }
    this.#fill(at)
    return bytes | wideBit
  }

  /** As the core does: the words of the head and whole pairs of the tail are hashed and compared. */
  #fill(from: number): void {
    let at = from
    while (at < this.#tail || ((at - this.#tail) & 1) !== 0) this.#words[at++] = 0
  }

  decode(head: number): string {
    const words = this.#words
    const length = words[(head + headAt.length) / 4]!
    const bytes = length & (wideBit - 1)
    const wide = (length & wideBit) !== 0
    const inline = (head + headAt.words) / 4
    const { tails, tailBytes, heads } = this.#layout
    const tail = (tails + ((head - heads) / headBytes) * tailBytes) / 4
    const inlineWords = inlineBytes / 4
    let key = ''
    for (let at = 0; at < bytes; at += wide ? 2 : 1) {
      const index = at >> 2
      const word = index < inlineWords ? words[inline + index]! : words[tail + index - inlineWords]!
      key += String.fromCharCode((word >>> (8 * (at & 3))) & (wide ? 0xffff : 0xff))
    }
    return key
  }

  #tooLong(key: string): Error {
    return keyError(`at most ${this.#bytesMax} bytes long (keyBytesMax)`, key)
  }
}
