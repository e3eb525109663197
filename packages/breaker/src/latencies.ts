import { BucketRing } from './bucket-ring.ts'
import { binsPerSlice, countCells, headerCells, slices } from './cells.ts'

/*
 * A bin is an eighth of a doubling wide, from half a millisecond on:
 *
 *   8 bins to 1 ms, the first from 0 on | 8 bins to 2 ms | … | 8 bins to 33 s, the last with all above
 */
const binsPerDoubling = 8
const unitMs = 0.5
const eighthsMax = binsPerDoubling * 2 ** (binsPerSlice / binsPerDoubling) - 1

/**
 * How long calls took, for the percentile that a breaker reports. Whether it opens is decided by a count of slow calls,
 * see the adaptive design, so this may be coarse: percentiles are at most an eighth too high, and a twelfth of the
 * window passes at once.
 */
export class Latencies {
  readonly #cells: Int32Array
  readonly #ring: BucketRing
  readonly #shared: boolean

  constructor(cells: Int32Array, plan: { buckets: number; windowMs: number }, originMs: number) {
    const shape = { buckets: slices, fields: binsPerSlice, bucketMs: plan.windowMs / slices }
    this.#cells = cells
    this.#shared = cells.buffer instanceof SharedArrayBuffer
    this.#ring = new BucketRing(cells, headerCells + countCells(plan), shape, originMs)
  }

  /** O(1), allocates nothing. */
  record(durationMs: number, nowMs: number): void {
    const cell = this.#ring.place(nowMs) + 1 + binOf(durationMs)
    if (this.#shared) Atomics.add(this.#cells, cell, 1)
    else this.#cells[cell]!++
  }

  /**
   * The duration that this share of the calls did not exceed, in milliseconds; undefined without calls. O(bins).
   *
   * @param fromMs calls of slices that ended before do not count.
   */
  percentile(ratio: number, fromMs: number, nowMs: number): number | undefined {
    this.#ring.place(nowMs)
    const bins = new Float64Array(binsPerSlice)
    let count = 0
    for (let id = this.#ring.id; id > this.#ring.id - slices && this.#ring.startMs(id + 1) > fromMs; id--) {
      const place = this.#ring.find(id)
      if (place === -1) continue
      for (let bin = 0; bin < binsPerSlice; bin++) {
        const calls = Atomics.load(this.#cells, place + 1 + bin)
        bins[bin]! += calls
        count += calls
      }
    }
    const rank = Math.max(1, Math.ceil(ratio * count))
    for (let bin = 0, seen = 0; bin < binsPerSlice; bin++) {
      seen += bins[bin]!
      if (seen >= rank) return highestMs(bin)
    }
    return undefined
  }
}

function binOf(durationMs: number): number {
  const eighths = Math.min(eighthsMax, (durationMs / unitMs) * binsPerDoubling) | 0
  if (eighths < binsPerDoubling) return 0
  const doubling = 28 - Math.clz32(eighths)
  return doubling * binsPerDoubling + ((eighths >>> doubling) & 7)
}

/** The end of a bin. */
function highestMs(bin: number): number {
  const doubling = Math.floor(bin / binsPerDoubling)
  return 2 ** doubling * (1 + ((bin % binsPerDoubling) + 1) / binsPerDoubling) * unitMs
}
