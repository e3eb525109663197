import { headAt, mapAt, shardAt } from '../layout.ts'
import { block, branch, branchIf, type Code, drop, giveBack, i32, i64, loop, sequence, when } from '../wasm/code.ts'
import type { Declared, Variable } from '../wasm/program.ts'
import { fingerprintOf, headAtRef, headerAt, indexAt, refAtHead, shardOf, slotOf } from './addresses.ts'
import type { KeyCode } from './keys.ts'
import { rebuildCode } from './rebuild.ts'
import { constant, isLive, locals, type MapCode } from './map-program.ts'
import { status } from './status.ts'
import { prolongCode, type ValueCode } from './values.ts'

/** What is done to a shard by the thread that holds its lock. */
export interface TableCode {
  /** `(hash, key)`: the entry's head, or 0. */
  readonly seek: Declared
  /** `(hash, key, value)`: done, full or rebuild. */
  readonly put: Declared
  /** `(hash, key)`: done or absent. */
  readonly remove: Declared
  /** `(shard)`: writes the index and the list of free entries anew from the entries. Gives their number. */
  readonly rebuild: Declared
}

/** Where the last `seek` was led: the index, the word that has the entry, the first word that could have it. */
interface Found {
  readonly index: Variable
  readonly place: Variable
  readonly room: Variable
}

/**
 * An entry is in the map while its sequence is odd: storing that word is the one step by which it comes in and the one by which
 * it goes. All the rest (index, free list, counts) says the same once more, for speed, and can be made from the entries
 * again: that is what a death in the middle of a write needs.
 *
 * The index is probed linearly. A removed entry leaves a grave there unless the next word was never used.
 */
export function tableCode(code: MapCode, keys: KeyCode, values: ValueCode): TableCode {
  const { program } = code
  const found: Found = { index: program.global('i32'), place: program.global('i32'), room: program.global('i32') }
  const seek = seekCode(code, keys, found)
  return {
    seek,
    put: putCode(code, keys, values, seek, found),
    remove: removeCode(code, keys, seek, found),
    rebuild: rebuildCode(code, keys),
  }
}

const grave = (code: MapCode): Code => constant(code.layout.refMask + 1)
/** What keeps an offset within an index. */
const offsetMask = (code: MapCode): Code => constant(4 * code.layout.slotsPerShard - 1)
const header = (code: MapCode, hash: Code): Code => headerAt(code, shardOf(code, hash))

/** Which index writers keep: of a snapshot the one that is not published, once there is something new in it. */
function writersArea(at: Code): Code {
  return i32.and(i32.xor(i32.load(at, shardAt.version), i32.load(at, shardAt.amended)), constant(1))
}

function seekCode(code: MapCode, keys: KeyCode, { index, place, room }: Found): Declared {
  const { refMask, slotsPerShard } = code.layout
  return code.program.define(['i64', keys.type], ['i32'], ([hash, key], local) => {
    const [shard, slot, at, word, ref, head] = locals(local, 6)
    const isGrave = i32.eqz(i32.and(word!.get, constant(refMask)))
    return sequence(
      shard!.set(shardOf(code, hash!.get)),
      index.set(indexAt(code, shard!.get, writersArea(headerAt(code, shard!.get)))),
      slot!.set(slotOf(code, hash!.get)),
      room.set(constant(0)),
      loop((again) =>
        sequence(
          at!.set(i32.add(index.get, i32.shl(slot!.get, constant(2)))),
          word!.set(i32.load(at!.get, 0)),
          when(i32.eqz(word!.get), sequence(when(i32.eqz(room.get), room.set(at!.get)), giveBack(constant(0)))),
          ref!.set(i32.xor(word!.get, fingerprintOf(code, hash!.get))),
          when(
            i32.ltU(i32.sub(ref!.get, constant(1)), constant(refMask)),
            sequence(
              head!.set(headAtRef(code, shard!.get, ref!.get)),
              when(
                isLive(head!.get),
                when(keys.matches(head!.get, key!.get), sequence(place.set(at!.get), giveBack(head!.get))),
              ),
            ),
          ),
          when(i32.and(isGrave, i32.eqz(room.get)), room.set(at!.get)),
          slot!.set(i32.and(i32.add(slot!.get, constant(1)), constant(slotsPerShard - 1))),
          branch(again),
        ),
      ),
      constant(0),
    )
  })
}

/** Index words that may be in use before it is written anew: an eighth stays free, so that every search ends soon. */
const usedMax = (slots: number): number => Math.min(slots - 1, Math.ceil((slots * 7) / 8))

function putCode(code: MapCode, keys: KeyCode, values: ValueCode, seek: Declared, { room }: Found): Declared {
  const { layout, shape } = code
  return code.program.define(['i64', keys.type, values.type], ['i32'], ([hash, key, value], local) => {
    const [at, head, ref] = locals(local, 3)
    const add = (offset: number, amount: number): Code =>
      i32.store(at!.get, offset, i32.add(i32.load(at!.get, offset), constant(amount)))
    const isFresh = i32.eqz(i32.load(room.get, 0))
    const noRoom = i32.and(isFresh, i32.geU(i32.load(at!.get, shardAt.used), constant(usedMax(layout.slotsPerShard))))
    const published = i32.eqz(i32.load(at!.get, shardAt.amended))
    return sequence(
      at!.set(header(code, hash!.get)),
      head!.set(seek.call(hash!.get, key!.get)),
      when(
        head!.get,
        sequence(
          values.store(head!.get, at!.get, value!.get),
          ...prolongCode(code, head!.get),
          giveBack(constant(status.done)),
        ),
      ),
      when(
        i32.geU(i32.load(at!.get, shardAt.count), constant(layout.entriesPerShard)),
        giveBack(constant(status.full)),
      ),
      when(code.kind === 'snapshot' ? i32.or(published, noRoom) : noRoom, giveBack(constant(status.rebuild))),
      when(
        i32.geU(i32.rmwAdd(constant(mapAt.total), 0, constant(1)), constant(shape.capacity)),
        sequence(drop(i32.rmwSub(constant(mapAt.total), 0, constant(1))), giveBack(constant(status.full))),
      ),
      i32.store(at!.get, shardAt.reserving, constant(1)),
      takeFree(code, at!, head!, ref!, hash!.get),
      keys.store(head!.get, key!.get),
      values.store(head!.get, at!.get, value!.get),
      ...prolongCode(code, head!.get),
      when(isFresh, add(shardAt.used, 1)),
      i32.store(room.get, 0, i32.or(fingerprintOf(code, hash!.get), ref!.get)),
      i64.store(head!.get, headAt.sequence, i64.add(i64.load(head!.get, headAt.sequence), i64.const(1n))),
      add(shardAt.count, 1),
      i32.store(at!.get, shardAt.reserving, constant(0)),
      constant(status.done),
    )
  })
}

/** An entry that is not in the map: one that was given back, or the next that was never used, whose cell is the one beside it. */
function takeFree(code: MapCode, at: Variable, head: Variable, ref: Variable, hash: Code): Code {
  const { layout, values } = code
  const cell = i32.add(
    i32.mul(shardOf(code, hash), constant(layout.entriesPerShard + 1)),
    i32.sub(ref.get, constant(1)),
  )
  const ownCell = i64.store(head.get, headAt.value, i64.shl(i64.extendI32U(cell), i64.const(32n)))
  return sequence(
    ref.set(i32.load(at.get, shardAt.freeRef)),
    when(
      ref.get,
      sequence(
        head.set(headAtRef(code, shardOf(code, hash), ref.get)),
        i32.store(at.get, shardAt.freeRef, i32.load(head.get, headAt.next)),
      ),
      sequence(
        ref.set(i32.add(i32.load(at.get, shardAt.fresh), constant(1))),
        head.set(headAtRef(code, shardOf(code, hash), ref.get)),
        values === 'bytes' ? ownCell : sequence(),
        i32.store(at.get, shardAt.fresh, ref.get),
      ),
    ),
  )
}

function removeCode(code: MapCode, keys: KeyCode, seek: Declared, { index, place }: Found): Declared {
  return code.program.define(['i64', keys.type], ['i32'], ([hash, key], local) => {
    const [at, head, word] = locals(local, 3)
    const bury = block((done) =>
      sequence(
        i32.store(place.get, 0, grave(code)),
        branchIf(done, i32.load(neighbour(code, index, place, 4), 0)),
        loop((again) =>
          sequence(
            i32.store(place.get, 0, constant(0)),
            i32.store(at!.get, shardAt.used, i32.sub(i32.load(at!.get, shardAt.used), constant(1))),
            place.set(neighbour(code, index, place, -4)),
            word!.set(i32.load(place.get, 0)),
            branchIf(done, i32.and(word!.get, constant(code.layout.refMask))),
            branchIf(again, word!.get),
          ),
        ),
      ),
    )
    return sequence(
      at!.set(header(code, hash!.get)),
      head!.set(seek.call(hash!.get, key!.get)),
      when(i32.eqz(head!.get), giveBack(constant(status.absent))),
      i64.store(head!.get, headAt.sequence, i64.add(i64.load(head!.get, headAt.sequence), i64.const(1n))),
      i32.store(at!.get, shardAt.count, i32.sub(i32.load(at!.get, shardAt.count), constant(1))),
      drop(i32.rmwSub(constant(mapAt.total), 0, constant(1))),
      i32.store(head!.get, headAt.next, i32.load(at!.get, shardAt.freeRef)),
      i32.store(at!.get, shardAt.freeRef, refAtHead(code, shardOf(code, hash!.get), head!.get)),
      // What is published stays as it is; its readers see that the entry is gone.
      code.kind === 'snapshot' ? when(i32.load(at!.get, shardAt.amended), bury) : bury,
      constant(status.done),
    )
  })
}

/** The word of the index before or behind `place`. */
function neighbour(code: MapCode, index: Variable, place: Variable, bytes: number): Code {
  const offset = i32.add(i32.sub(place.get, index.get), constant(bytes))
  return i32.add(index.get, i32.and(offset, offsetMask(code)))
}
