import { invariant } from '@qps/core'
import { contendedBit, headAt, headBytes, mapAt, ownerAt, ownerStates, shardAt } from './layout.ts'
import { type MapParts, moveOwner, ownerIndex } from './map-parts.ts'
import type { MapKey } from './shared-map.ts'

/**
 * Opens what a dead thread left locked. Every write has one step that counts (the store of an entry's sequence, or of its
 * value); the thread died before it or after it, and the rest of the shard is made again from the entries.
 *
 * Threads may be declared dead in any order: where a reader is inside of a shard and does not leave, because it is dead too and
 * nobody has said so yet, the shard stays its dead owner's, and is opened when that is said.
 *
 * @returns how many locks were opened.
 */
export function recover<K extends MapKey>(parts: MapParts<K>, owner: number): number {
  const { words, layout, shape, core } = parts
  invariant(core.held() === -1, 'a thread was declared dead by the function that an update is calling')
  Atomics.store(words, ownerIndex(layout, owner), ownerStates.dead)
  let opened = leaveReading(parts, owner) ? 1 : 0
  for (let dead = 1; dead <= shape.ownersMax; dead++) {
    if (Atomics.load(words, ownerIndex(layout, dead)) === ownerStates.dead) opened += openShards(parts, dead)
  }
  return opened
}

/** Opens the shards of a dead owner. When none is left, its number can be given to another thread. */
function openShards<K extends MapKey>(parts: MapParts<K>, dead: number): number {
  const { shape, locks, core, layout, words } = parts
  let opened = 0
  let left = 0
  for (let shard = 0; shard < shape.shards; shard++) {
    if (!takeOver(parts, shard, dead)) continue
    core.adopt(shard)
    if (locks.isDrained(shard)) {
      repair(parts, shard)
      locks.unlock()
      opened++
    } else {
      core.adopt(-1)
      giveBack(parts, shard, dead)
      left++
    }
  }
  if (left === 0) moveOwner(words, layout, dead, 'dead', 'free')
  return opened
}

/** Takes the dead reader out of the count of the shard that it was in. */
function leaveReading({ words, layout }: MapParts<MapKey>, owner: number): boolean {
  const header = Atomics.exchange(words, ownerIndex(layout, owner) + ownerAt.reading / 4, 0)
  if (header === 0) return false
  const readers = (header + shardAt.readers) / 4
  Atomics.sub(words, readers, 1)
  Atomics.notify(words, readers)
  return true
}

/** Puts this thread in the place of the dead owner. Whoever waits is woken when this thread gives the lock back. */
function takeOver({ words, locks, owner: self }: MapParts<MapKey>, shard: number, owner: number): boolean {
  const at = locks.index(shard, shardAt.lock)
  for (let seen = Atomics.load(words, at); (seen & ~contendedBit) === owner;) {
    const found = Atomics.compareExchange(words, at, seen, self | contendedBit)
    if (found === seen) return true
    seen = found
  }
  return false
}

/** The opposite of {@link takeOver}. */
function giveBack({ words, locks, owner: self }: MapParts<MapKey>, shard: number, dead: number): void {
  const at = locks.index(shard, shardAt.lock)
  Atomics.compareExchange(words, at, self | contendedBit, dead | contendedBit)
}

function repair(parts: MapParts<MapKey>, shard: number): void {
  const { words, core, locks, valueForm } = parts
  const counted =
    words[locks.index(shard, shardAt.count)]! + Atomics.exchange(words, locks.index(shard, shardAt.reserving), 0)
  if (valueForm === 'bytes') words[locks.index(shard, shardAt.spareCell)] = findSpare(parts, shard)
  const entries = core.rebuild()
  Atomics.add(words, mapAt.total / 4, entries - counted)
}

/** The cell that no entry of the shard owns. Entries that were never used own the one beside them. */
function findSpare({ words, layout, locks }: MapParts<MapKey>, shard: number): number {
  const { entriesPerShard, heads } = layout
  const firstCell = shard * (entriesPerShard + 1)
  const owned = new Uint8Array(entriesPerShard + 1)
  const fresh = words[locks.index(shard, shardAt.fresh)]!
  for (let index = 0; index < entriesPerShard; index++) {
    const head = heads + (shard * entriesPerShard + index) * headBytes
    owned[index < fresh ? words[(head + headAt.value) / 4 + 1]! - firstCell : index] = 1
  }
  return firstCell + owned.indexOf(0)
}
