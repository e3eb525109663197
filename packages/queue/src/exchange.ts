import { Bell } from './bell.ts'
import { at, inSlot, type Layout, voidLength } from './layout.ts'
import { closedError } from './errors.ts'
import { none, pending, Ring } from './ring.ts'
import { noRun, queued, Slab } from './slab.ts'
import type { Parcel } from './parcel.ts'
import { type Losses, takeBack } from './recovery.ts'

/**
 * What an endpoint does to shared memory, one step of each kind at a time; nothing here waits. A message has been packed before
 * a slot is taken and is unpacked after it was given back, so no caller's code runs while something is held.
 */
export class Exchange<T> {
  readonly parcel: Parcel<T>
  /** Rings when there is a message, and when there is room. */
  readonly messages: Bell
  readonly room: Bell
  readonly capacity: number
  readonly #words: Int32Array
  readonly #ring: Ring
  readonly #slab: Slab
  readonly #owner: number
  readonly #inlineBytes: number

  constructor(words: Int32Array, layout: Layout, owner: number, parcel: Parcel<T>) {
    this.#words = words
    this.#owner = owner
    this.parcel = parcel
    this.#ring = new Ring(words, layout, owner)
    this.#slab = new Slab(words, layout, owner)
    this.messages = new Bell(words, at.receiversEpoch, at.receiversAsleep)
    this.room = new Bell(words, at.sendersEpoch, at.sendersAsleep)
    this.capacity = layout.capacity
    this.#inlineBytes = layout.inlineBytes
  }

  get closed(): boolean {
    return Atomics.load(this.#words, at.closed) !== 0
  }

  /** Closed, and looked at behind that: nothing can come any more. See `push`. */
  get ended(): boolean {
    if (!this.closed) return false
    while (!this.#ring.isEmpty) {
      // Left behind by one who had taken a slot when it was too late.
      const slot = this.#ring.takeFull(true)
      if (slot < 0) return false
      this.#ring.finish(slot)
    }
    return true
  }

  get size(): number {
    return this.#ring.size
  }

  get lost(): number {
    return Atomics.load(this.#words, at.lost)
  }

  get hasMessage(): boolean {
    return this.#ring.hasMessage
  }

  get hasRoom(): boolean {
    return this.#ring.hasRoom
  }

  /**
   * Sends what was packed, if there is room. Call `sent` behind it, once for several.
   *
   * @param length of what was packed.
   * @throws QpsError QPS_CHANNEL_CLOSED
   */
  push(length: number): boolean {
    const words = this.#words
    if (Atomics.load(words, at.closed) !== 0) throw closedError('send')
    const run = length > this.#inlineBytes ? this.#fillRun(length) : 0
    if (run === noRun) return false
    const slot = this.#ring.takeFree()
    if (slot === none) {
      if (run > 0) this.#dropRun(run - 1)
      return false
    }
    // Again, now that receivers see the slot: if the channel is still open here, one that finds it closed and looks then
    // finds this message on its way, and waits for it. So what was sent before the close is received, to the last.
    if (Atomics.load(words, at.closed) !== 0) this.#giveUp(slot, run)
    words[slot + inSlot.length] = length
    words[slot + inSlot.run] = run
    if (run > 0) this.#slab.handTo(run - 1, queued)
    else this.parcel.putInto((slot + inSlot.message) << 2, length)
    this.#ring.finish(slot)
    return true
  }

  /** Takes the next message into the parcel. Call `received` behind it, once for several. @returns false, `none` or `pending` */
  pull(): true | typeof none | typeof pending {
    const words = this.#words
    for (;;) {
      const slot = this.#ring.takeFull()
      if (slot < 0) return slot === none ? none : pending
      const length = words[slot + inSlot.length]!
      const run = words[slot + inSlot.run]!
      if (run > 0) {
        this.parcel.takeFrom(this.#slab.byteOf(run - 1), length)
        this.#slab.handTo(run - 1, this.#owner)
        Atomics.store(words, slot + inSlot.run, 0)
      } else if (length !== voidLength) {
        this.parcel.takeFrom((slot + inSlot.message) << 2, length)
      }
      this.#ring.finish(slot)
      if (run > 0) this.#slab.free(run - 1)
      if (length !== voidLength) return true
      this.received(1)
    }
  }

  /** Wakes whoever waits for what so many pushes have brought. */
  sent(count: number): void {
    if (this.messages.asleep) this.messages.wake(count)
    // One who was woken for room may have found none, because of the slot before this one. It has room now.
    if (this.room.asleep && this.#ring.hasRoom) this.room.wake(1)
  }

  /** Wakes whoever waits for the room that so many pulls have made. */
  received(count: number): void {
    if (this.room.asleep) this.room.wake(count)
    if (this.messages.asleep && this.#ring.hasMessage) this.messages.wake(1)
  }

  close(): void {
    Atomics.store(this.#words, at.closed, 1)
    this.messages.wakeAll()
    this.room.wakeAll()
  }

  takeBack(threadId: number): Losses {
    const losses = takeBack(this.#words, this.#ring, this.#slab, threadId, this.#owner)
    // It may have taken a token and woken nobody, or have been woken and done nothing.
    this.messages.wakeAll()
    this.room.wakeAll()
    return losses
  }

  /** Puts what was packed into the slab. @returns 1 + the run, or `noRun`. */
  #fillRun(length: number): number {
    if (!this.#ring.hasRoom) return noRun
    const run = this.#slab.take(length)
    if (run === noRun) {
      if (this.#slab.collided) this.#wakeSender()
      return noRun
    }
    this.parcel.putInto(this.#slab.byteOf(run), length)
    return run + 1
  }

  /** Gives back a run that found no slot. Somebody else may have found no run because of it. */
  #dropRun(run: number): void {
    this.#slab.free(run)
    this.#wakeSender()
  }

  #wakeSender(): void {
    if (this.room.asleep) this.room.wake(1)
  }

  /** Makes a slot void that was taken while the channel was closed. */
  #giveUp(slot: number, run: number): never {
    this.#words[slot + inSlot.length] = voidLength
    this.#ring.finish(slot)
    if (run > 0) this.#slab.free(run - 1)
    this.messages.wakeAll()
    throw closedError('send')
  }
}
