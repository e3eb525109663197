import { deadError } from './errors.ts'
import { at, type Layout } from './layout.ts'

/** The label of every chunk of a run but the first. */
const part = -1
/** The owner of runs that belong to a slot: no endpoint has this number. */
export const queued = 255

/** Marks the end of a search that found nothing. */
export const noRun = -1

/*
 * A label is one word: 0 where the chunk is free, `part` where it goes on from the one before, and in the first chunk of a
 * run the number of chunks, 24 bits, and the owner, 8 bits.
 */
function labelOf(count: number, owner: number): number {
  return (count << 8) | owner
}

/**
 * Memory for messages that do not fit into a slot: runs of neighbouring chunks, lent and given back in any order. There is no
 * list of free ones; a chunk whose label is 0 is free, and to put another label there, by compare-exchange, is to take it. So
 * whatever instant a thread dies at, the labels say what it had.
 *
 * All endpoints take runs round and round from the same hand, and messages leave nearly in the order in which they came, so that
 * what is free lies together, and a search usually ends where it begins.
 *
 * Whose a run is stands in its first label alone: to hand it on is one store. What of a run is there is always its first chunk
 * and parts behind it without a gap, because they are taken first to last and freed last to first.
 */
export class Slab {
  readonly #words: Int32Array
  readonly #labels: number
  readonly #chunks: number
  readonly #chunkBytes: number
  readonly #chunksByte: number
  readonly #owner: number
  /** Whether the last search held, for a moment, chunks that it gave back: another search may have found none because of it. */
  collided = false
  constructor(words: Int32Array, layout: Layout, owner: number) {
    this.#words = words
    this.#labels = layout.labelsWord
    this.#chunks = layout.chunks
    this.#chunkBytes = layout.chunkBytes
    this.#chunksByte = layout.chunksByte
    this.#owner = owner
  }

  /** The first byte of a run. */
  byteOf(run: number): number {
    return this.#chunksByte + run * this.#chunkBytes
  }

  /**
   * Takes room for so many bytes, at most `bytesMax` of the layout.
   *
   * @returns a run of this endpoint, or `noRun`; then see `collided`.
   */
  take(bytes: number): number {
    const count = Math.ceil(bytes / this.#chunkBytes)
    this.collided = false
    // A hint: whoever writes it last is right enough.
    let first = this.#words[at.hand]!
    for (let looked = 0; looked < this.#chunks;) {
      if (first + count > this.#chunks) {
        looked += this.#chunks - first
        first = 0
        continue
      }
      const free = this.#freeAt(first, count)
      if (free === count && this.#takeAt(first, count)) {
        this.#words[at.hand] = first + count
        return first
      }
      const step = Math.min(free + 1, count)
      first += step
      looked += step
    }
    return noRun
  }

  /** Hands a run of this endpoint to a slot, or a slot's to this endpoint. */
  handTo(run: number, owner: number): void {
    const label = this.#labels + run
    Atomics.store(this.#words, label, (this.#words[label]! & ~0xff) | owner)
  }

  /**
   * Gives back a run of this endpoint.
   *
   * @throws QpsError QPS_CHANNEL_DEAD where somebody else did, by `declareDead`.
   */
  free(run: number): void {
    const label = Atomics.load(this.#words, this.#labels + run)
    if ((label & 0xff) !== this.#owner || label === part) throw deadError()
    this.#free(run, label >>> 8)
  }

  /** Gives back every run of an endpoint whose thread has ended. */
  freeAllOf(owner: number): void {
    for (let run = 0; run < this.#chunks; run++) {
      const label = Atomics.load(this.#words, this.#labels + run)
      if (label > 0 && (label & 0xff) === owner) this.#free(run, label >>> 8)
    }
  }

  /** Bytes of chunks that nobody has, as of a moment ago. */
  get freeBytes(): number {
    let free = 0
    for (let chunk = 0; chunk < this.#chunks; chunk++) {
      if (Atomics.load(this.#words, this.#labels + chunk) === 0) free++
    }
    return free * this.#chunkBytes
  }

  /** How many of `count` chunks are free before the first one that is not. */
  #freeAt(first: number, count: number): number {
    let free = 0
    while (free < count && Atomics.load(this.#words, this.#labels + first + free) === 0) free++
    return free
  }

  /** The first label says how long the run is to be before there is a second one: so much at most is this endpoint's. */
  #takeAt(first: number, count: number): boolean {
    const words = this.#words
    const labels = this.#labels
    if (Atomics.compareExchange(words, labels + first, 0, labelOf(count, this.#owner)) !== 0) return false
    for (let taken = 1; taken < count; taken++) {
      if (Atomics.compareExchange(words, labels + first + taken, 0, part) === 0) continue
      this.#free(first, taken)
      this.collided = true
      return false
    }
    return true
  }

  /** Of `count` chunks those that the run really has: from the first one on, parts without a gap. */
  #free(run: number, count: number): void {
    const words = this.#words
    const first = this.#labels + run
    let end = 1
    while (end < count && Atomics.load(words, first + end) === part) end++
    while (end-- > 0) Atomics.store(words, first + end, 0)
  }
}
