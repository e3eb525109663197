import { deadError } from './errors.ts'
import { at, inSlot, type Layout, voidLength } from './layout.ts'

/*
 * A slot's state is one word, so that what happens to a slot and who does it change in one step:
 *
 *     31                    10 9        2 1   0
 *    ┌────────────────────────┬──────────┬─────┐
 *    │ round                  │ owner    │ do  │     round: position / slots, modulo 2^22
 *    └────────────────────────┴──────────┴─────┘     owner: the endpoint, while it writes or reads
 *
 *     free(r) ── a sender takes it ──► writing(r, owner) ── publish ──► full(r)
 *                                                                         │ a receiver takes it
 *     free(r + 1) ◄── release ── reading(r, owner) ◄──────────────────────┘
 */
const writing = 1
const full = 2
const reading = 3
const nextRound = 1 << 10
const roundBits = -1 << 10

/** No slot: the ring is full, or nothing has been sent to the next position. */
export const none = -1
/** No slot yet: somebody is writing to the next position. */
export const pending = -2

/** Which endpoint holds the slot with this state; 0 where nobody does. */
export function ownerOf(state: number): number {
  return (state >> 2) & 0xff
}

/** Whether what holds it writes; else it reads. Only where there is an owner. */
export function isWriting(state: number): boolean {
  return (state & 3) === writing
}

/** The state that follows: full after writing, free for the next round after reading. */
export function stateAfter(state: number): number {
  return isWriting(state) ? (state & roundBits) | full : ((state & roundBits) + nextRound) | 0
}

/** Whether a state that is so far ahead of its position's free one says that a receiver has been there. */
function isTaken(ahead: number): boolean {
  return ahead >= nextRound || (ahead > 0 && (ahead & 3) === reading)
}

/**
 * The slots, as one endpoint sees them: a bounded queue for many senders and many receivers.
 *
 * A sequence in each slot says which position it serves, as in Vyukov's queue. Different from there, a slot is taken by a
 * compare-exchange on the slot, and the tail (or the head) is moved up behind it, by whoever comes next if need be.
 * So the word that takes a slot also says who has it, and one who dies right there can be found and holds nobody up.
 *
 * Positions count modulo 2^32 and rounds modulo 2^22: for a slot to be mistaken, a thread would have to sleep between its
 * load and its compare-exchange while exactly 2^22 rounds pass. Even then its message gets a place that nobody else has.
 *
 * An endpoint has at most one slot at a time. Nothing here waits.
 *
 * Source: Vyukov, Bounded MPMC queue, 1024cores.net, 2010; the helping is that of Michael and Scott's queue, PODC 1996.
 */
export class Ring {
  readonly #words: Int32Array
  readonly #owner: number
  readonly #capacity: number
  readonly #mask: number
  readonly #log2: number
  readonly #stride: number
  readonly #base: number
  /** The head as it was seen last: it only grows, so a sender that finds room with an old one has room. */
  #headSeen = 0
  /** The state that this endpoint gave to the slot it has. */
  #held = 0

  constructor(words: Int32Array, layout: Layout, owner: number) {
    this.#words = words
    this.#owner = owner << 2
    this.#capacity = layout.capacity
    this.#mask = 2 ** layout.slotsLog2 - 1
    this.#log2 = layout.slotsLog2
    this.#stride = layout.strideWords
    this.#base = layout.slotsWord
    this.#headSeen = Atomics.load(words, at.head)
  }

  /** Messages that were sent and not yet taken, as of a moment ago. */
  get size(): number {
    const head = Atomics.load(this.#words, at.head)
    const size = (Atomics.load(this.#words, at.tail) - head) | 0
    return Math.min(Math.max(size, 0), this.#capacity)
  }

  /** Whether a sender would find room. */
  get hasRoom(): boolean {
    const tail = Atomics.load(this.#words, at.tail)
    if (!this.#withinCapacity(tail)) return false
    const round = this.#roundOf(tail)
    // Behind `round` where somebody still reads what was there before; ahead of it where the tail is about to move.
    return ((Atomics.load(this.#words, this.#slotOf(tail)) - round) | 0) >= 0
  }

  /** Whether a receiver would find a message. */
  get hasMessage(): boolean {
    const head = Atomics.load(this.#words, at.head)
    return Atomics.load(this.#words, this.#slotOf(head)) === (this.#roundOf(head) | full)
  }

  /** Whether nothing was sent that has not been taken, and nothing is being sent. */
  get isEmpty(): boolean {
    for (;;) {
      const head = Atomics.load(this.#words, at.head)
      const ahead = (Atomics.load(this.#words, this.#slotOf(head)) - this.#roundOf(head)) | 0
      if (ahead <= 0) return true
      if (!isTaken(ahead)) return false
      Atomics.compareExchange(this.#words, at.head, head, (head + 1) | 0)
    }
  }

  /** Takes the next slot for writing. @returns its first word, or `none`. */
  takeFree(): number {
    const words = this.#words
    for (;;) {
      const tail = Atomics.load(words, at.tail)
      if (!this.#withinCapacity(tail)) return none
      const slot = this.#slotOf(tail)
      const round = this.#roundOf(tail)
      const state = Atomics.load(words, slot)
      if (state === round) {
        const mine = round | this.#owner | writing
        if (Atomics.compareExchange(words, slot, round, mine) === round) {
          Atomics.compareExchange(words, at.tail, tail, (tail + 1) | 0)
          this.#held = mine
          return slot
        }
      } else if (((state - round) | 0) < 0) {
        return none
      }
      // Somebody has it: the tail belongs behind it, whether or not its owner has got round to moving it.
      Atomics.compareExchange(words, at.tail, tail, (tail + 1) | 0)
    }
  }

  /**
   * Takes the next message for reading.
   *
   * @param ifVoid takes it only where it was never completed.
   * @returns the slot's first word, `none` or `pending`.
   */
  takeFull(ifVoid = false): number {
    const words = this.#words
    for (;;) {
      const head = Atomics.load(words, at.head)
      const slot = this.#slotOf(head)
      const round = this.#roundOf(head)
      const state = Atomics.load(words, slot)
      if (state === (round | full)) {
        if (ifVoid && words[slot + inSlot.length] !== voidLength) return none
        const mine = round | this.#owner | reading
        if (Atomics.compareExchange(words, slot, state, mine) === state) {
          Atomics.compareExchange(words, at.head, head, (head + 1) | 0)
          this.#held = mine
          return slot
        }
      } else if (state === round || ((state - round) | 0) < 0) {
        return none
      } else if ((state & roundBits) === round && isWriting(state)) {
        return pending
      }
      Atomics.compareExchange(words, at.head, head, (head + 1) | 0)
    }
  }

  /**
   * Ends what this endpoint does to the slot it has: what it wrote can be received, or what it read makes room.
   *
   * @throws QpsError QPS_CHANNEL_DEAD where somebody else has ended it, by `declareDead`.
   */
  finish(slot: number): void {
    if (Atomics.compareExchange(this.#words, slot, this.#held, stateAfter(this.#held)) !== this.#held) throw deadError()
  }

  /** Calls `visit` with each slot's first word and its state. */
  each(visit: (slot: number, state: number) => void): void {
    for (let index = 0; index <= this.#mask; index++) {
      const slot = this.#base + index * this.#stride
      visit(slot, Atomics.load(this.#words, slot + inSlot.state))
    }
  }

  /** Moves head and tail up to where they belong, which a thread that died may have left undone. */
  catchUp(): void {
    const words = this.#words
    for (let step = 0; step <= this.#mask; step++) {
      const tail = Atomics.load(words, at.tail)
      if (((Atomics.load(words, this.#slotOf(tail)) - this.#roundOf(tail)) | 0) <= 0) break
      Atomics.compareExchange(words, at.tail, tail, (tail + 1) | 0)
    }
    for (let step = 0; step <= this.#mask; step++) {
      const head = Atomics.load(words, at.head)
      const ahead = (Atomics.load(words, this.#slotOf(head)) - this.#roundOf(head)) | 0
      if (!isTaken(ahead)) break
      Atomics.compareExchange(words, at.head, head, (head + 1) | 0)
    }
  }

  /** A tail that is older than the head was taken long ago, and the slot will say so. */
  #withinCapacity(tail: number): boolean {
    if (((tail - this.#headSeen) | 0) < this.#capacity) return true
    this.#headSeen = Atomics.load(this.#words, at.head)
    return ((tail - this.#headSeen) | 0) < this.#capacity
  }

  #slotOf(position: number): number {
    return this.#base + (position & this.#mask) * this.#stride
  }

  #roundOf(position: number): number {
    return (position >>> this.#log2) << 10
  }
}
