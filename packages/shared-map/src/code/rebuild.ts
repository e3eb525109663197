import { headAt, shardAt } from '../layout.ts'
import { block, branch, branchIf, type Code, i32, loop, sequence, when } from '../wasm/code.ts'
import type { Declared } from '../wasm/program.ts'
import { fingerprintOf, headAtRef, headerAt, indexAt, slotOf } from './addresses.ts'
import type { KeyCode } from './keys.ts'
import { constant, isLive, locals, type MapCode } from './map-program.ts'

/**
 * Of a snapshot the other area is written, and is the writers' from then on. Of the others the one index is written where it
 * is, between two steps of its version: a reader that found nothing meanwhile looks again.
 */
export function rebuildCode(code: MapCode, keys: KeyCode): Declared {
  const { layout, kind } = code
  return code.program.define(['i32'], ['i32'], ([shard], local) => {
    const [at, index, ref, head, count, slot, place, free] = locals(local, 8)
    const hash = local('i64')
    const version = i32.load(at!.get, shardAt.version)
    const setVersion = (value: Code): Code =>
      kind === 'snapshot' ? sequence() : i32.store(at!.get, shardAt.version, value)
    const insert = sequence(
      count!.set(i32.add(count!.get, constant(1))),
      hash.set(keys.hashOfEntry(head!.get)),
      slot!.set(slotOf(code, hash.get)),
      loop((again) =>
        sequence(
          place!.set(i32.add(index!.get, i32.shl(slot!.get, constant(2)))),
          slot!.set(i32.and(i32.add(slot!.get, constant(1)), constant(layout.slotsPerShard - 1))),
          branchIf(again, i32.load(place!.get, 0)),
        ),
      ),
      i32.store(place!.get, 0, i32.or(fingerprintOf(code, hash.get), ref!.get)),
    )
    return sequence(
      at!.set(headerAt(code, shard!.get)),
      setVersion(i32.or(version, constant(1))),
      index!.set(indexAt(code, shard!.get, i32.and(i32.xor(version, constant(1)), constant(1)))),
      loop((again) =>
        sequence(
          i32.store(i32.add(index!.get, i32.shl(slot!.get, constant(2))), 0, constant(0)),
          slot!.set(i32.add(slot!.get, constant(1))),
          branchIf(again, i32.ltU(slot!.get, constant(layout.slotsPerShard))),
        ),
      ),
      ref!.set(i32.load(at!.get, shardAt.fresh)),
      block((none) =>
        loop((again) =>
          sequence(
            branchIf(none, i32.eqz(ref!.get)),
            head!.set(headAtRef(code, shard!.get, ref!.get)),
            when(
              isLive(head!.get),
              insert,
              sequence(i32.store(head!.get, headAt.next, free!.get), free!.set(ref!.get)),
            ),
            ref!.set(i32.sub(ref!.get, constant(1))),
            branch(again),
          ),
        ),
      ),
      i32.store(at!.get, shardAt.freeRef, free!.get),
      i32.store(at!.get, shardAt.count, count!.get),
      i32.store(at!.get, shardAt.used, count!.get),
      kind === 'snapshot' ? i32.store(at!.get, shardAt.amended, constant(1)) : sequence(),
      setVersion(i32.add(version, constant(1))),
      count!.get,
    )
  })
}
