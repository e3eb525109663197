import { keyError } from '../errors.ts'
import { headAt } from '../layout.ts'
import type { KeyCodec } from './key-codec.ts'

/** Safe integers travel as numbers; -0 is 0. */
export class IntegerKeys implements KeyCodec<number> {
  readonly #words: Int32Array

  constructor(words: Int32Array) {
    this.#words = words
  }

  encode(key: number): number {
    this.check(key)
    return key
  }

  check(key: number): void {
    if (!Number.isSafeInteger(key)) throw keyError('a safe integer', key)
  }

  decode(head: number): number {
    const at = (head + headAt.integer) / 4
    return this.#words[at + 1]! * 2 ** 32 + (this.#words[at]! >>> 0)
  }
}
