/*
 * What the threads of 05-shared-map do, made before the clock starts. This file and bench/programs/go-maps/sequence.go say the
 * same in two languages.
 */

/** An operation is the number of a key, and this for a write: the sign, so that a look at it decides. */
export const writeBit: number = -(2 ** 31)

/** Operations of a thread before they begin again. */
export const sequenceLength: number = 2 ** 18

export const distributions = ['uniform', 'zipf'] as const
export type Distribution = (typeof distributions)[number]

/** Of Zipf's law; 1 would be the classic one. Source: Cooper and others, YCSB (2010), whose default it is. */
const zipfExponent = 0.99
/** Spreads the ranks over the keys: what is hot does not lie side by side. Prime, and no divisor of the number of keys. */
const rankStep = 48_271
const range = 2 ** 32

/** What is read and written, by which threads. */
export interface Workload {
  /** Keys, all of them in the map. */
  entries: number
  /** Per cent of the operations. */
  reads: number
  distribution: Distribution
}

/** The operations of one thread. */
export function sequenceOf(thread: number, { entries, reads, distribution }: Workload): Int32Array {
  const next = xorshift32(Math.imul(thread + 1, 0x9e3779b9))
  const below = (bound: number): number => Math.floor((next() * bound) / range)
  const cumulative = distribution === 'zipf' ? zipfTable(entries) : undefined
  return Int32Array.from({ length: sequenceLength }, () => {
    const key =
      cumulative === undefined ? below(entries) : (firstAbove(cumulative, next() / range) * rankStep) % entries
    return below(100) >= reads ? key | writeBit : key
  })
}

/** The same of two programs means: they did the same operations. */
export function fingerprint(sequences: readonly Int32Array[]): number {
  let print = 0
  for (const sequence of sequences) for (const operation of sequence) print = (Math.imul(print, 31) + operation) | 0
  return print >>> 0
}

/** Source: Marsaglia, Xorshift RNGs (2003). @param seed any but 0. @returns 1 to 2^32 - 1. */
function xorshift32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** The share of the ranks up to each. */
function zipfTable(entries: number): Float64Array {
  const table = new Float64Array(entries)
  let sum = 0
  for (let rank = 0; rank < entries; rank++) {
    sum += 1 / Math.pow(rank + 1, zipfExponent)
    table[rank] = sum
  }
  return table.map((value) => value / sum)
}

/** The first rank whose cumulated share is above, else the last one. */
function firstAbove(cumulative: Float64Array, share: number): number {
  let [low, high] = [0, cumulative.length - 1]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (cumulative[middle]! > share) high = middle
    else low = middle + 1
  }
  return low
}
