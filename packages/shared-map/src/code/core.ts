import { headAt, mapAt, shardAt } from '../layout.ts'
import type { MapKey } from '../shared-map.ts'
import type { SharedMemory } from '../wasm/engine.ts'
import { block, branch, branchIf, type Code, drop, giveBack, i32, i64, loop, sequence, when } from '../wasm/code.ts'
import type { Declared } from '../wasm/program.ts'
import { headAtRef, headerAt, shardOf } from './addresses.ts'
import { type Answer, hasAnswer, valueAnswer } from './answers.ts'
import { checkedRead } from './checked-read.ts'
import { type KeyCode, keyCode, type Way } from './keys.ts'
import { lockedRead, peekCode } from './locked-read.ts'
import { heldHeader, type LockCode, lockCode } from './locks.ts'
import { constant, isLive, mapCode, type MapCode, readersLock } from './map-program.ts'
import { status } from './status.ts'
import { type TableCode, tableCode } from './table.ts'
import { expiredCode, type ValueCode, valueCode } from './values.ts'

/**
 * A map's machine code for one thread. A key is what the thread's encoder made of it (the length of a string whose words stand
 * in the scratch, or the integer itself), a value is a number or the length of bytes in the scratch.
 */
export interface Core {
  /** Of a string: brings its words into the scratch. Its length, or -1 where JavaScript has to do it. Not for integers. */
  encode?(key: string): number
  /** `get` and `set` of a key as it is. Of a string that `encode` refuses: otherKey. */
  getDirect(key: MapKey): number
  setDirect(key: MapKey, value: number): number
  /** The value, or what `values.ts` gives where there is none; then `status` tells why. */
  get(key: number): number
  /** done, absent or busy. */
  has(key: number): number
  /** done, busy, draining (the lock is held), full, rebuild, lost or reentered. */
  set(key: number, value: number): number
  /** Takes the lock of the key's shard: done, busy, draining or reentered. */
  lock(key: number): number
  lockShard(shard: number): number
  /** done or lost. */
  unlock(): number
  /** Readers that are still inside of the shard that is held. */
  readers(): number
  /** Of the shard that is held; like `get`. */
  peek(key: number): number
  /** done, full or rebuild. */
  put(key: number, value: number): number
  /** done or absent. */
  remove(key: number): number
  /** Gives the number of entries. */
  rebuild(): number
  /** Removes what has expired at the scratch's `nowMs`. Gives how many. */
  expire(): number
  status(): number
  /** The number of the shard that is held, or -1. */
  held(): number
  /** The number of the key's shard. */
  shard(key: number): number
  /** Tells the code that its thread holds this shard's lock: it was taken over from a dead owner. */
  adopt(shard: number): number
}

/** Assembles the code, compiles it and makes an instance of it: once per thread and map. */
export function makeCore(given: Parameters<typeof mapCode>[0], memory: SharedMemory): Core {
  const code = mapCode(given)
  const keys = keyCode(code)
  const values = valueCode(code)
  const locks = lockCode(code)
  const table = tableCode(code, keys, values)
  const { program, held } = code
  const heldShard = i32.sub(held.get, constant(1))
  const read = (way: Way, answer: Answer): Declared =>
    readersLock(code.kind) ? lockedRead(code, keys, way, table, locks, answer) : checkedRead(code, keys, way, answer)
  const parts: Record<Exclude<keyof Core, 'encode'>, Declared> = {
    getDirect: read(keys.direct, valueAnswer(values)),
    setDirect: setCode(code, keys, keys.direct, values, table, locks),
    get: read(keys, valueAnswer(values)),
    has: read(keys, hasAnswer),
    set: setCode(code, keys, keys, values, table, locks),
    lock: lockKeyCode(code, keys, locks),
    lockShard: program.define(['i32'], ['i32'], ([shard]) =>
      locks.acquire.call(headerAt(code, shard!.get), shard!.get),
    ),
    unlock: locks.release,
    readers: program.define([], ['i32'], () => i32.load(heldHeader(code), shardAt.readers)),
    peek: peekCode(code, keys, table, valueAnswer(values)),
    put: program.define([keys.param, values.type], ['i32'], ([key, value]) =>
      table.put.call(code.heldHash.get, keys.take(key!.get), value!.get),
    ),
    remove: program.define([keys.param], ['i32'], ([key]) => table.remove.call(code.heldHash.get, keys.take(key!.get))),
    rebuild: program.define([], ['i32'], () => table.rebuild.call(heldShard)),
    expire: expireCode(code, table, heldShard),
    status: program.define([], ['i32'], () => code.status.get),
    held: program.define([], ['i32'], () => heldShard),
    shard: program.define([keys.param], ['i32'], ([key], local) =>
      shardOf(code, keys.hash(keys.take(key!.get), local)),
    ),
    adopt: program.define(['i32'], ['i32'], ([shard]) =>
      sequence(held.set(i32.add(shard!.get, constant(1))), constant(status.done)),
    ),
  }
  for (const [name, declared] of Object.entries(parts)) program.export(name, declared)
  return program.instantiate(memory) as unknown as Core
}

/** A whole write in one call, for what nothing stands in the way of. */
function setCode(
  code: MapCode,
  keys: KeyCode,
  way: Way,
  values: ValueCode,
  table: TableCode,
  locks: LockCode,
): Declared {
  return code.program.define([way.param, values.type], ['i32'], ([given, value], local) => {
    const [key, hash, shard, result] = [local(keys.type), local('i64'), local('i32'), local('i32')]
    return sequence(
      key.set(way.take(given!.get)),
      way.isOther === undefined ? sequence() : when(way.isOther(key.get), giveBack(constant(status.otherKey))),
      hash.set(keys.hash(key.get, local)),
      shard.set(shardOf(code, hash.get)),
      result.set(locks.acquire.call(headerAt(code, shard.get), shard.get)),
      when(result.get, sequence(keepHash(code, result.get, hash.get), giveBack(result.get))),
      result.set(table.put.call(hash.get, key.get, value!.get)),
      when(locks.release.call(), giveBack(constant(status.lost))),
      result.get,
    )
  })
}

function lockKeyCode(code: MapCode, keys: KeyCode, locks: LockCode): Declared {
  return code.program.define([keys.param], ['i32'], ([given], local) => {
    const [hash, shard, result] = [local('i64'), local('i32'), local('i32')]
    return sequence(
      hash.set(keys.hash(keys.take(given!.get), local)),
      shard.set(shardOf(code, hash.get)),
      result.set(locks.acquire.call(headerAt(code, shard.get), shard.get)),
      keepHash(code, result.get, hash.get),
      result.get,
    )
  })
}

/** Notes the hash for what is done under the lock, where it was taken. */
const keepHash = (code: MapCode, result: Code, hash: Code): Code =>
  when(i32.or(i32.eqz(result), i32.eq(result, constant(status.draining))), code.heldHash.set(hash))

function expireCode(code: MapCode, table: TableCode, heldShard: Code): Declared {
  const expired = expiredCode(code)
  return code.program.define([], ['i32'], (_, local) => {
    if (expired === undefined) return constant(0)
    const [ref, head, removed] = [local('i32'), local('i32'), local('i32')]
    const at = heldHeader(code)
    const remove = sequence(
      i64.store(head.get, headAt.sequence, i64.add(i64.load(head.get, headAt.sequence), i64.const(1n))),
      drop(i32.rmwSub(constant(mapAt.total), 0, constant(1))),
      i32.store(at, shardAt.count, i32.sub(i32.load(at, shardAt.count), constant(1))),
      removed.set(i32.add(removed.get, constant(1))),
    )
    return sequence(
      ref.set(i32.load(at, shardAt.fresh)),
      block((none) =>
        loop((again) =>
          sequence(
            branchIf(none, i32.eqz(ref.get)),
            head.set(headAtRef(code, heldShard, ref.get)),
            when(isLive(head.get), when(expired(head.get), remove)),
            ref.set(i32.sub(ref.get, constant(1))),
            branch(again),
          ),
        ),
      ),
      when(removed.get, drop(table.rebuild.call(heldShard))),
      removed.get,
    )
  })
}
