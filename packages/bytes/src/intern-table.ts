import { checkInteger, QpsError, secretRandom } from '@qps/core'
import { latin1Text } from './decode.ts'
import { keyedHash } from './keyed-hash.ts'
import { internDefaults, type InternOptions } from './options.ts'
import { writeLatin1 } from './write-text.ts'

/** How a table has fared. */
export interface InternStats {
  /** Gets that made no string. */
  hits: number
  /** Gets that made one. */
  misses: number
  /** Misses whose string was not kept, because there was no room. */
  refused: number
  /** Misses whose key was longer than `keyBytesMax`. */
  tooLong: number
  /** Strings that gave way to others. */
  evictions: number
  /** Strings kept now. */
  entries: number
  /** Bytes of the strings kept now. */
  bytes: number
}

/** Slots in which a key may stand, from its home on: the most that any get looks at. Eight hashes are half a line of cache. */
const windowSlots = 8
/** Slots that the clock's hand passes for one newcomer, at most: the most that any miss pays for room. */
const handSlotsMax = 64

/**
 * The same bytes give the same string again: for names, methods and paths that a service meets with every request. A hit
 * costs a hash and a comparison and makes nothing; what is kept is bounded in number and in bytes.
 *
 * Open addressing with a window: a key stands in one of eight slots from its home on.
 *
 *   home = hash & mask       ┌──────────── window ───────────┐
 *   hashes  │ 0 │ 0 │ 7a… │ 91… │ 0 │ 7a… │ 0 │ 0 │ 0 │ 0 │ 0 │ …    Int32Array, 0 where empty
 *   texts   │   │   │ GET │ host│   │ /   │   │   │   │   │   │
 *   marks   │   │   │  1  │  1  │   │  0  │                          1: asked for since the hand was here
 *                                                       ▲ hand
 *
 * No get looks at more than the window and no miss moves the hand by more than 64 slots, so that the worst case is a
 * constant whatever keys are sent; the hash's secret key sees to it that nobody can choose keys for one window (row S18).
 * Bytes are Latin-1, as in the heads of HTTP/1.1; other text is decoded wrongly.
 *
 * @example
 * const names = new InternTable()
 * const name = names.get(bytes, start, end)
 * Sources: Corbató, A Paging Experiment with the Multics System (1968), for the clock; Crosby and Wallach, Denial of Service
 * via Algorithmic Complexity Attacks, USENIX Security 2003, for the key.
 */
export class InternTable {
  readonly #entriesMax: number
  readonly #bytesMax: number
  readonly #keyBytesMax: number
  readonly #evicts: boolean
  readonly #key0: number
  readonly #key1: number
  readonly #mask: number
  readonly #hashes: Int32Array
  readonly #texts: string[]
  readonly #marks: Uint8Array
  #hand = 0
  #entries = 0
  #bytes = 0
  #hits = 0
  #misses = 0
  #refused = 0
  #tooLong = 0
  #evictions = 0

  /** @throws QpsError QPS_OPTION for an option out of its range. */
  constructor(options: InternOptions = {}) {
    const { entriesMax = internDefaults.entriesMax, bytesMax = internDefaults.bytesMax } = options
    const { keyBytesMax = internDefaults.keyBytesMax, whenFull = internDefaults.whenFull } = options
    this.#entriesMax = checkInteger('entriesMax', entriesMax, { min: 1, max: 1_048_576 })
    this.#bytesMax = checkInteger('bytesMax', bytesMax, { min: 1, max: 268_435_456 })
    this.#keyBytesMax = checkInteger('keyBytesMax', keyBytesMax, { min: 1, max: 4096 })
    if (whenFull !== 'clock' && whenFull !== 'decode') {
      throw new QpsError('QPS_OPTION', `whenFull must be "clock" or "decode", not ${JSON.stringify(whenFull)}`)
    }
    this.#evicts = whenFull === 'clock'
    const { random = secretRandom, seed = [random() * 2 ** 32, random() * 2 ** 32] } = options
    this.#key0 = seed[0] | 0
    this.#key1 = seed[1] | 0
    // At most half full: a window without a free slot is rare.
    const slots = Math.max(windowSlots, 2 ** Math.ceil(Math.log2(2 * this.#entriesMax)))
    this.#mask = slots - 1
    this.#hashes = new Int32Array(slots)
    this.#texts = Array.from({ length: slots }, () => '')
    this.#marks = new Uint8Array(slots)
  }

  /**
   * The string of `bytes[start..end)`. The bytes are only read, during the call. At most eight slots are compared, and a
   * string is made only by a miss.
   */
  get(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start
    if (length <= 0) return ''
    if (length > this.#keyBytesMax) {
      this.#misses++
      this.#tooLong++
      return latin1Text(bytes, start, end)
    }
    const hash = keyedHash(bytes, start, end, this.#key0, this.#key1)
    const slot = this.#find(hash, bytes, start, length)
    if (slot !== -1) {
      this.#hits++
      this.#marks[slot] = 1
      return this.#texts[slot]!
    }
    this.#misses++
    const text = latin1Text(bytes, start, end)
    if (!this.#insert(hash, text)) this.#refused++
    return text
  }

  /**
   * Takes a string in before it is met, so that the very object that a program compares with is what `get` returns.
   *
   * @returns false where there is no room for it, or it is empty or too long.
   * @throws QpsError QPS_BYTES_LATIN1 for a character above U+00FF.
   */
  add(text: string): boolean {
    const { length } = text
    if (length === 0 || length > this.#keyBytesMax) return false
    const bytes = new Uint8Array(length)
    writeLatin1(bytes, 0, text)
    const hash = keyedHash(bytes, 0, length, this.#key0, this.#key1)
    return this.#find(hash, bytes, 0, length) !== -1 || this.#insert(hash, text)
  }

  stats(): InternStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      refused: this.#refused,
      tooLong: this.#tooLong,
      evictions: this.#evictions,
      entries: this.#entries,
      bytes: this.#bytes,
    }
  }

  /** Forgets all strings. Counters go on. */
  clear(): void {
    this.#hashes.fill(0)
    this.#texts.fill('')
    this.#marks.fill(0)
    this.#entries = this.#bytes = 0
  }

  #find(hash: number, bytes: Uint8Array, start: number, length: number): number {
    for (let step = 0; step < windowSlots; step++) {
      const slot = (hash + step) & this.#mask
      if (this.#hashes[slot] === hash && isText(this.#texts[slot]!, bytes, start, length)) return slot
    }
    return -1
  }

  /** Newcomers are not marked: who comes once gives way to the next who comes once. */
  #insert(hash: number, text: string): boolean {
    if (!this.#makeRoom(text.length)) return false
    const slot = this.#freeSlot(hash)
    if (slot === -1) return false
    this.#hashes[slot] = hash
    this.#texts[slot] = text
    this.#marks[slot] = 0
    this.#entries++
    this.#bytes += text.length
    return true
  }

  /** Moves the clock's hand until there is room in the whole table. */
  #makeRoom(length: number): boolean {
    if (length > this.#bytesMax) return false
    let left = this.#evicts ? handSlotsMax : 0
    while (this.#entries >= this.#entriesMax || this.#bytes + length > this.#bytesMax) {
      if (left-- === 0) return false
      this.#pass(this.#hand)
      this.#hand = (this.#hand + 1) & this.#mask
    }
    return true
  }

  /** An empty slot in the window. In a full one, the first whose string has no mark; those before it lose theirs. */
  #freeSlot(hash: number): number {
    for (let step = 0; step < windowSlots; step++) {
      const slot = (hash + step) & this.#mask
      if (this.#texts[slot] === '') return slot
    }
    if (!this.#evicts) return -1
    for (let step = 0; step < windowSlots; step++) {
      const slot = (hash + step) & this.#mask
      this.#pass(slot)
      if (this.#texts[slot] === '') return slot
    }
    return -1
  }

  /** A second chance for who was asked for; who was not is gone. */
  #pass(slot: number): void {
    if (this.#marks[slot] === 1) {
      this.#marks[slot] = 0
      return
    }
    const { length } = this.#texts[slot]!
    if (length === 0) return
    this.#hashes[slot] = 0
    this.#texts[slot] = ''
    this.#entries--
    this.#bytes -= length
    this.#evictions++
  }
}

function isText(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false
  for (let index = 0; index < length; index++) if (text.charCodeAt(index) !== bytes[start + index]) return false
  return true
}
