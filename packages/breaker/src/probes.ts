import { header } from './cells.ts'
import { generationOf } from './state-word.ts'

/*
 * How many calls were let through in a half-open phase and what they said, in one cell, so that threads which look at
 * the same time agree on the last place:
 *
 *   29 ……………… 18 | 17 … 12 | 11 …… 6 | 5 …… 0
 *   generation     | taken   | good    | bad
 *
 * Twelve bits of the generation tell the cell of this phase from one that an earlier phase has left.
 */
const oneTaken = 1 << 12
const oneGood = 1 << 6
const oneBad = 1
const countBits = 18
const generationMask = 2 ** 12 - 1

export interface ProbeRules {
  probesMax: number
  /** So many must succeed. */
  needed: number
  probeTimeoutMs: number
}

export type Verdict = 'undecided' | 'close' | 'open'

/** The places for probes of a half-open phase: exactly `probesMax`, whoever asks for them in however many threads. */
export class Probes {
  readonly #cells: Int32Array
  readonly #rules: ProbeRules

  constructor(cells: Int32Array, rules: ProbeRules) {
    this.#cells = cells
    this.#rules = rules
  }

  /** Takes a place. @returns false where there is none, or the phase of this word is over. */
  take(word: number, tick: number): boolean {
    for (;;) {
      const seen = Atomics.load(this.#cells, header.probes)
      const counts = isOf(seen, word) ? seen : tagOf(word)
      // Looked at behind the counts: as long as nobody has changed these, the phase is this one.
      if (!this.#isNow(word) || takenOf(counts) >= this.#rules.probesMax) return false
      // Before the place is taken: whoever finds all of them taken must find a time that is not too early.
      Atomics.store(this.#cells, header.probed, tick)
      if (this.#exchange(seen, counts + oneTaken)) return true
    }
  }

  /** Counts an answer. @returns what follows from it; undefined where the phase is over. */
  answer(word: number, good: boolean): Verdict | undefined {
    return this.#add(word, good ? oneGood : oneBad)
  }

  /** Gives a place back. @returns false where the phase is over. */
  giveBack(word: number): boolean {
    return this.#add(word, -oneTaken) !== undefined
  }

  /**
   * Where all places are taken and the last one was for `probeTimeoutMs`, whoever has not answered has failed.
   *
   * @returns `undecided` where it is too early.
   */
  expire(word: number, tick: number): Verdict {
    const seen = Atomics.load(this.#cells, header.probes)
    if (this.#leftMs(seen, word, tick) > 0) return 'undecided'
    const unanswered = this.#rules.probesMax - goodOf(seen) - badOf(seen)
    return this.#exchange(seen, seen + unanswered * oneBad) ? this.#verdict(seen + unanswered * oneBad) : 'undecided'
  }

  /** Until the last answer must have come; 0 where there are places. */
  waitMs(word: number, tick: number): number {
    const seen = Atomics.load(this.#cells, header.probes)
    return isOf(seen, word) && takenOf(seen) >= this.#rules.probesMax ? Math.max(0, this.#leftMs(seen, word, tick)) : 0
  }

  #leftMs(seen: number, word: number, tick: number): number {
    if (!isOf(seen, word) || takenOf(seen) < this.#rules.probesMax) return Infinity
    const passedMs = (tick - Atomics.load(this.#cells, header.probed)) | 0
    // Somewhat before it, where another thread has looked at the clock later; far before it, where 24 days have passed.
    return passedMs < -this.#rules.probeTimeoutMs ? 0 : this.#rules.probeTimeoutMs - passedMs
  }

  #add(word: number, change: number): Verdict | undefined {
    for (;;) {
      const seen = Atomics.load(this.#cells, header.probes)
      if (!isOf(seen, word) || !this.#isNow(word)) return undefined
      if (this.#exchange(seen, seen + change)) return this.#verdict(seen + change)
    }
  }

  #verdict(counts: number): Verdict {
    const { probesMax, needed } = this.#rules
    if (goodOf(counts) >= needed) return 'close'
    return badOf(counts) > probesMax - needed ? 'open' : 'undecided'
  }

  #isNow(word: number): boolean {
    return Atomics.load(this.#cells, header.state) === word
  }

  #exchange(seen: number, next: number): boolean {
    return Atomics.compareExchange(this.#cells, header.probes, seen, next) === seen
  }
}

function tagOf(word: number): number {
  return (generationOf(word) & generationMask) << countBits
}

function isOf(counts: number, word: number): boolean {
  return counts >>> countBits === (generationOf(word) & generationMask)
}

function takenOf(counts: number): number {
  return (counts >>> 12) & 63
}

function goodOf(counts: number): number {
  return (counts >>> 6) & 63
}

function badOf(counts: number): number {
  return counts & 63
}
