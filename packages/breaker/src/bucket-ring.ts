export interface RingShape {
  buckets: number
  /** Counts in a bucket, which stand behind its id. */
  fields: number
  bucketMs: number
}

/**
 * Buckets of time in a ring: each has the id of its span of time and counts. No timer turns it; whoever comes first in
 * a new span clears the oldest bucket and makes it the new one.
 *
 *   id 7   id 8   id 9   id 5   id 6   scrap
 *                  ▲      └ the oldest: the next one to be cleared
 *                  └ now
 *
 * Several threads may turn it. One of them claims the bucket by writing its id as a negative number, clears it and
 * writes the id; the others go on counting in the bucket before until then. Thus nobody waits, no count is lost, and a
 * thread that ends while it clears costs one bucket. Who has no bucket before counts in the scrap, which nobody reads.
 *
 * Ids are 32-bit: at 100 ms to a bucket they last for six years.
 */
export class BucketRing {
  /** Of the bucket that counts now; 0 before the first look. */
  id = 0
  readonly buckets: number
  readonly bucketMs: number
  readonly #cells: Int32Array
  readonly #offset: number
  readonly #stride: number
  readonly #originMs: number
  #place: number
  #endMs = -Infinity

  /** @param offset where the ring begins among the cells; see `ringCells` for its length. */
  constructor(cells: Int32Array, offset: number, { buckets, fields, bucketMs }: RingShape, originMs: number) {
    this.#cells = cells
    this.#offset = offset
    this.#stride = fields + 1
    this.#originMs = originMs
    this.buckets = buckets
    this.bucketMs = bucketMs
    this.#place = offset + buckets * this.#stride
  }

  /** The cell of the bucket for this instant. O(1), but for the first one in a span of time. */
  place(nowMs: number): number {
    if (nowMs >= this.#endMs) this.#turn(nowMs)
    return this.#place
  }

  /** The cell of the current bucket as of the last look. */
  get lastPlace(): number {
    return this.#place
  }

  /** The cell of the bucket with this id, or -1 where it is not there (any more). */
  find(id: number): number {
    const place = this.#placeOf(id)
    return Atomics.load(this.#cells, place) === id ? place : -1
  }

  /** When the span of this id begins. */
  startMs(id: number): number {
    return this.#originMs + (id - 1) * this.bucketMs
  }

  /** The id of the span that an instant belongs to; the first is 1. */
  idAt(nowMs: number): number {
    return Math.floor((nowMs - this.#originMs) / this.bucketMs) + 1
  }

  #turn(nowMs: number): void {
    const id = this.idAt(nowMs)
    const place = this.#placeOf(id)
    const seen = Atomics.load(this.#cells, place)
    if (seen !== id && !this.#claim(place, seen, id)) return
    this.id = id
    this.#place = place
    this.#endMs = this.#originMs + id * this.bucketMs
  }

  #claim(place: number, seen: number, id: number): boolean {
    if (seen > id || seen === -id || Atomics.compareExchange(this.#cells, place, seen, -id) !== seen) return false
    for (let field = 1; field < this.#stride; field++) Atomics.store(this.#cells, place + field, 0)
    Atomics.store(this.#cells, place, id)
    return true
  }

  #placeOf(id: number): number {
    return this.#offset + (id % this.buckets) * this.#stride
  }
}
