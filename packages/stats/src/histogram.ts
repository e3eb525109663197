import { invariant } from '@qps/core'

/*
 * Values share a slot with their neighbors, and slots double in width with the magnitude:
 *
 *   value      0 ……… 2047 | 2048 …… 4095 | 4096 …… 8191 | … | 2^31 … 2^32-1
 *   slot width     1      |      2       |      4       | … |     2^21
 *   slots        2048     |    1024      |    1024      | … |     1024
 *
 * A slot is at most 1/1024 of the values that it holds, so a percentile is at most 0.1 % too high. Source: Gil Tene's
 * HdrHistogram, with three significant digits.
 */
const subBucketBits = 11
const halfSubBuckets = 2 ** (subBucketBits - 1)
const slotCount = (32 - subBucketBits + 2) * halfSubBuckets

/** What a histogram is when it travels: plain data for JSON, `postMessage` and IPC, its length in proportion to the slots used. */
export interface HistogramSnapshot {
  sum: number
  min: number
  max: number
  clamped: number
  /** Slot, count, slot, count, …: only slots with a count, in ascending order. */
  slots: number[]
}

/**
 * A histogram with a high dynamic range: whole numbers from 0 to `Histogram.valueMax`, percentiles at most 0.1 % above
 * the recorded value (exact below 2048), at a fixed cost in memory whatever the number of values. Unit-free; microseconds
 * by convention, which gives a resolution of 1 µs and a range of 71 minutes.
 *
 * Recording is a few integer operations and one store, and allocates nothing. Not shared between threads: give each its
 * own and merge the snapshots.
 *
 * @example
 * const latencyUs = new Histogram()
 * latencyUs.record(250)
 * latencyUs.percentile(0.99) // 250
 */
export class Histogram {
  /** The largest value told apart, 2^32 - 1; larger ones are recorded as this one and counted in `clamped`. */
  static readonly valueMax: number = 2 ** 32 - 1

  readonly #counts = new Float64Array(slotCount)
  #count = 0
  #sum = 0
  #min = Infinity
  #max = 0
  #clamped = 0

  /**
   * Adds a value. O(1), allocates nothing.
   *
   * @param value at least 0; rounded to the nearest whole number.
   * @param count how many times it occurred; at least 1.
   * @throws InvariantError where value is negative or not a number.
   */
  record(value: number, count = 1): void {
    invariant(value >= 0, 'a histogram records numbers of at least 0')
    let whole = Math.round(value)
    if (whole > Histogram.valueMax) {
      whole = Histogram.valueMax
      this.#clamped += count
    }
    const slot = slotOf(whole)
    this.#counts[slot] = this.#counts[slot]! + count
    this.#count += count
    this.#sum += whole * count
    if (whole < this.#min) this.#min = whole
    if (whole > this.#max) this.#max = whole
  }

  /** Adds everything that `other` holds; `other` is unchanged. O(slots). */
  merge(other: Histogram): void {
    const theirs = other.#counts
    for (let slot = 0; slot < slotCount; slot++) this.#counts[slot] = this.#counts[slot]! + theirs[slot]!
    this.#count += other.#count
    this.#sum += other.#sum
    this.#min = Math.min(this.#min, other.#min)
    this.#max = Math.max(this.#max, other.#max)
    this.#clamped += other.#clamped
  }

  /**
   * The smallest value that at least this share of all values does not exceed (nearest rank). O(slots).
   *
   * @param ratio 0..1; 0 gives the minimum, 1 the maximum.
   * @returns at least the true value and at most 0.1 % above it; 0 for an empty histogram.
   * @throws InvariantError where ratio is outside 0..1.
   */
  percentile(ratio: number): number {
    invariant(ratio >= 0 && ratio <= 1, 'a percentile is asked for by a ratio from 0 to 1')
    if (this.#count === 0) return 0
    if (ratio === 0) return this.#min
    const rank = Math.max(1, Math.ceil(ratio * this.#count))
    let seen = 0
    for (let slot = slotOf(this.#min); slot < slotCount; slot++) {
      seen += this.#counts[slot]!
      if (seen >= rank) return Math.min(highestIn(slot), this.#max)
    }
    return this.#max
  }

  /** How many values were recorded. */
  get count(): number {
    return this.#count
  }

  /** The exact mean of the recorded (rounded) values; 0 for an empty histogram. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count
  }

  /** The exact smallest value; 0 for an empty histogram. */
  get min(): number {
    return this.#count === 0 ? 0 : this.#min
  }

  /** The exact largest value; 0 for an empty histogram. */
  get max(): number {
    return this.#max
  }

  /** How many values were above `Histogram.valueMax`. */
  get clamped(): number {
    return this.#clamped
  }

  /** Forgets everything. O(slots). */
  reset(): void {
    this.#counts.fill(0)
    this.#count = 0
    this.#sum = 0
    this.#min = Infinity
    this.#max = 0
    this.#clamped = 0
  }

  /** The compact form, for another thread or process; {@link Histogram.fromJSON} reads it. O(slots). */
  toJSON(): HistogramSnapshot {
    const slots: number[] = []
    for (let slot = 0; slot < slotCount; slot++) {
      const count = this.#counts[slot]!
      if (count > 0) slots.push(slot, count)
    }
    return { sum: this.#sum, min: this.min, max: this.max, clamped: this.#clamped, slots }
  }

  /**
   * The histogram that a snapshot was taken of.
   *
   * @throws InvariantError where the snapshot names a slot that does not exist.
   */
  static fromJSON(snapshot: HistogramSnapshot): Histogram {
    const histogram = new Histogram()
    for (let at = 0; at < snapshot.slots.length; at += 2) {
      const slot = snapshot.slots[at]!
      invariant(Number.isInteger(slot) && slot >= 0 && slot < slotCount, `a histogram has no slot ${slot}`)
      const count = snapshot.slots[at + 1] ?? 0
      histogram.#counts[slot] = count
      histogram.#count += count
    }
    histogram.#sum = snapshot.sum
    histogram.#min = histogram.#count === 0 ? Infinity : snapshot.min
    histogram.#max = snapshot.max
    histogram.#clamped = snapshot.clamped
    return histogram
  }
}

/** The slot of a whole number in 0..2^32-1: the magnitude selects a run of slots, the leading 11 bits the place in it. */
function slotOf(value: number): number {
  const shift = Math.max(0, 32 - subBucketBits - Math.clz32(value))
  return shift * halfSubBuckets + (value >>> shift)
}

/** The largest value that falls into a slot. */
function highestIn(slot: number): number {
  if (slot < 2 * halfSubBuckets) return slot
  const shift = Math.floor(slot / halfSubBuckets) - 1
  const lead = slot - shift * halfSubBuckets
  return (lead + 1) * 2 ** shift - 1
}
