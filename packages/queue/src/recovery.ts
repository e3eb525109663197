import { leaveEndpoints, takeOver } from './endpoints.ts'
import { at, inSlot, voidLength } from './layout.ts'
import { isWriting, ownerOf, type Ring, stateAfter } from './ring.ts'
import type { Slab } from './slab.ts'

/** What was found of a thread that died. */
export interface Losses {
  /** Messages that it was sending: nobody was told that they were sent, and nobody receives them. */
  unsent: number
  /** Messages that it had begun to receive: whether it acted on them, the channel does not know. */
  unfinished: number
}

/**
 * Takes back what a thread held that has ended: slots that it wrote or read, runs of the slab, its endpoints.
 *
 * Every step leaves a state from which the next heir can go on, so that this may itself be interrupted by a death. The order
 * is that of a receiver: the run becomes the endpoint's own, the slot forgets it, the slot moves on, the run is freed.
 *
 * @param heir the caller's own endpoint.
 */
export function takeBack(words: Int32Array, ring: Ring, slab: Slab, threadId: number, heir: number): Losses {
  const losses: Losses = { unsent: 0, unfinished: 0 }
  const dead = takeOver(words, threadId, heir)
  if (dead.length === 0) return losses
  ring.each((slot, state) => {
    const owner = ownerOf(state)
    if (owner === 0 || !dead.includes(owner)) return
    const run = words[slot + inSlot.run]!
    if (run > 0) slab.handTo(run - 1, owner)
    Atomics.store(words, slot + inSlot.run, 0)
    if (isWriting(state)) Atomics.store(words, slot + inSlot.length, voidLength)
    if (Atomics.compareExchange(words, slot, state, stateAfter(state)) !== state) return
    losses[isWriting(state) ? 'unsent' : 'unfinished']++
  })
  for (const owner of dead) {
    slab.freeAllOf(owner)
    leaveEndpoints(words, owner)
  }
  ring.catchUp()
  Atomics.add(words, at.lost, losses.unsent + losses.unfinished)
  return losses
}
