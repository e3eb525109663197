import type { Clock } from '@qps/core'
import { BucketRing } from './bucket-ring.ts'
import { countFields, countsPerBucket, headerCells } from './cells.ts'

const { succeeded, failed, refused, cancelled, timed, slow } = countFields

/** Successes that are counted at once, at most, see {@link SlidingWindow.succeed}. */
const batchMax = 15
/** A batch of successes is thick where it takes no longer than this share of a bucket. */
const thickRatio = 0.25

/**
 * The calls of the last `windowMs`, counted in buckets: what is seen is at least the time of all buckets but one, and
 * at most of all.
 *
 * Counting is O(1) and allocates nothing. The first sum in a new bucket adds the older ones up; until the next bucket
 * only the current one is read.
 */
export class SlidingWindow {
  /** As of the last {@link sum}. */
  succeeded = 0
  failed = 0
  refused = 0
  cancelled = 0
  /** Calls whose duration was told, and those of them that were slow. */
  timed = 0
  slow = 0
  /**
   * Buckets in a row, up to now, that had failures and no success; and successes and no failure. Empty ones are left
   * out.
   */
  failingBuckets = 0
  workingBuckets = 0
  /** The last instant at which this thread has counted or summed, as far as it knows without the clock. */
  lookedMs: number
  readonly #cells: Int32Array
  readonly #ring: BucketRing
  readonly #clock: Clock
  readonly #thickMs: number
  readonly #shared: boolean
  /** Successes since this thread dated one, how many of them are counted, and how many there may be. */
  #undated = 0
  #counted = 0
  #batch = 0
  #datedMs: number
  #since = 1
  #summedId = -1
  #pastSucceeded = 0
  #pastFailed = 0
  #pastRefused = 0
  #pastCancelled = 0
  #pastTimed = 0
  #pastSlow = 0
  #pastFailing = 0
  #pastWorking = 0

  constructor(cells: Int32Array, plan: { buckets: number; bucketMs: number }, originMs: number, clock: Clock) {
    const { buckets, bucketMs } = plan
    this.#cells = cells
    this.#ring = new BucketRing(cells, headerCells, { buckets, fields: countsPerBucket, bucketMs }, originMs)
    this.#clock = clock
    this.#thickMs = bucketMs * thickRatio
    this.#shared = cells.buffer instanceof SharedArrayBuffer
    this.lookedMs = originMs
    this.#datedMs = originMs
  }

  /** Counts one of {@link countFields}. */
  count(field: number, nowMs: number): void {
    this.#add(this.#placeAt(nowMs) + field, 1)
  }

  /** As {@link count}, into the bucket of the last look: for more than one count of the same call. */
  countKnown(field: number): void {
    this.#add(this.#ring.lastPlace + field, 1)
  }

  /**
   * Counts a success. To look at the clock costs more than all else here; so does, between threads, a count that all
   * write. While calls come thick, up to 15 are therefore remembered and counted together, into the bucket of the one
   * before them; what else is counted or summed counts them first. How many are remembered doubles while they come
   * thick, and begins anew where they do not: when calls become rare, no more of them are dated back than came thick
   * just before.
   *
   * @param nowMs where the caller has just read the clock: the call is then dated exactly.
   */
  succeed(nowMs?: number): void {
    if (nowMs !== undefined) this.#date(nowMs)
    else if (this.#undated < this.#batch) this.#undated++
    else this.#date(this.now())
  }

  /** Whether successes come so thick that a look at the clock for each is a waste. */
  get isThick(): boolean {
    return this.#batch === batchMax
  }

  /** Leaves out what was counted before the bucket with this id. */
  countFrom(id: number): void {
    this.#flush()
    this.#since = Math.max(1, id)
    this.#summedId = -1
  }

  now(): number {
    return this.#clock.nowMs()
  }

  idAt(nowMs: number): number {
    return this.#ring.idAt(nowMs)
  }

  /** The first instant that is looked at: of the window, or of {@link countFrom}. As of the last sum. */
  get startMs(): number {
    return this.#ring.startMs(Math.max(this.#since, this.#ring.id - this.#ring.buckets + 1))
  }

  /** Makes the fields those of now. */
  sum(nowMs: number): void {
    this.#placeAt(nowMs)
    this.sumKnown()
  }

  /** Makes the fields those of the last look: without the clock. */
  sumKnown(): void {
    const cells = this.#cells
    const place = this.#ring.lastPlace
    this.#flush()
    if (this.#summedId !== this.#ring.id) this.#sumPast()
    const nowSucceeded = Atomics.load(cells, place + succeeded)
    const nowFailed = Atomics.load(cells, place + failed)
    this.succeeded = this.#pastSucceeded + nowSucceeded
    this.failed = this.#pastFailed + nowFailed
    this.refused = this.#pastRefused + Atomics.load(cells, place + refused)
    this.timed = this.#pastTimed + Atomics.load(cells, place + timed)
    this.slow = this.#pastSlow + Atomics.load(cells, place + slow)
    this.cancelled = this.#pastCancelled + Atomics.load(cells, place + cancelled)
    this.failingBuckets = nowSucceeded > 0 ? 0 : this.#pastFailing + (nowFailed > 0 ? 1 : 0)
    this.workingBuckets = nowFailed > 0 ? 0 : this.#pastWorking + (nowSucceeded > 0 ? 1 : 0)
  }

  /** Calls that failed or were refused, as of the last look. Read plainly, as the state of a circuit is. */
  troubleKnown(): number {
    const place = this.#ring.lastPlace
    if (this.#summedId !== this.#ring.id) this.#sumPast()
    const now = this.#cells[place + failed]! + this.#cells[place + refused]!
    return this.#pastFailed + this.#pastRefused + now
  }

  #placeAt(nowMs: number): number {
    this.#flush()
    this.lookedMs = nowMs
    return this.#ring.place(nowMs)
  }

  #flush(): void {
    if (this.#undated === this.#counted) return
    this.#add(this.#ring.lastPlace + succeeded, this.#undated - this.#counted)
    this.#counted = this.#undated
  }

  #date(nowMs: number): void {
    this.count(succeeded, nowMs)
    const perCallMs = (nowMs - this.#datedMs) / (this.#undated + 1)
    this.#batch = perCallMs * (batchMax + 1) <= this.#thickMs ? Math.min(batchMax, 2 * this.#batch + 1) : 0
    this.#datedMs = nowMs
    this.#undated = this.#counted = 0
  }

  /** Cells that nobody else writes need no locked bus. */
  #add(cell: number, count: number): void {
    if (this.#shared) Atomics.add(this.#cells, cell, count)
    else this.#cells[cell]! += count
  }

  #sumPast(): void {
    const cells = this.#cells
    const { id, buckets } = this.#ring
    this.#pastSucceeded = this.#pastFailed = this.#pastRefused = this.#pastCancelled = 0
    this.#pastTimed = this.#pastSlow = 0
    this.#pastFailing = this.#pastWorking = 0
    let failing = true
    let working = true
    for (let past = id - 1; past > id - buckets && past >= this.#since; past--) {
      const place = this.#ring.find(past)
      if (place === -1) continue
      const theirSucceeded = Atomics.load(cells, place + succeeded)
      const theirFailed = Atomics.load(cells, place + failed)
      this.#pastSucceeded += theirSucceeded
      this.#pastFailed += theirFailed
      this.#pastRefused += Atomics.load(cells, place + refused)
      this.#pastTimed += Atomics.load(cells, place + timed)
      this.#pastSlow += Atomics.load(cells, place + slow)
      this.#pastCancelled += Atomics.load(cells, place + cancelled)
      if (theirSucceeded > 0) failing = false
      if (theirFailed > 0) working = false
      if (failing && theirFailed > 0) this.#pastFailing++
      if (working && theirSucceeded > 0) this.#pastWorking++
    }
    this.#summedId = id
  }
}

/** The shortest time that a rate is made of, so that the first calls are not taken for a flood. */
const rateSpanMsMin = 1000

/** Calls that ended, per second, since the first instant that is looked at. As of the last sum. */
export function rateOf(window: SlidingWindow, nowMs: number): number {
  return ((window.succeeded + window.failed) * 1000) / Math.max(rateSpanMsMin, nowMs - window.startMs)
}
