import { headAt, scratchAt, shardAt } from '../layout.ts'
import {
  block,
  branch,
  branchIf,
  type Code,
  giveBack,
  i32,
  i64,
  type Label,
  loop,
  sequence,
  when,
} from '../wasm/code.ts'
import type { Declared, MakeLocal, Variable } from '../wasm/program.ts'
import { fingerprintOf, headAtRef, headerAt, indexAt, shardOf, slotOf } from './addresses.ts'
import { type Answer, answers, takeKey } from './answers.ts'
import type { KeyCode, Way } from './keys.ts'
import { constant, type MapCode } from './map-program.ts'
import { status } from './status.ts'
import { expiredCode } from './values.ts'

/** Times that a read begins again before it asks for the lock. */
export const retriesMax = 64

/** The locals of a read without a lock. */
interface Look {
  readonly key: Variable
  readonly hash: Variable
  readonly shard: Variable
  readonly header: Variable
  readonly version: Variable
  readonly index: Variable
  readonly slot: Variable
  readonly ref: Variable
  readonly head: Variable
  readonly sequence: Variable
  readonly retries: Variable
  readonly value: Variable
}

const look = (local: MakeLocal, keys: KeyCode, answer: Answer): Look => ({
  key: local(keys.type),
  hash: local('i64'),
  shard: local('i32'),
  header: local('i32'),
  version: local('i32'),
  index: local('i32'),
  slot: local('i32'),
  ref: local('i32'),
  head: local('i32'),
  sequence: local('i64'),
  retries: local('i32'),
  value: local(answer.type),
})

/**
 * A read that takes no lock: look, then see whether what was seen belongs together.
 *
 * What is found is true where the entry's sequence is odd and the same before and after: the key was in the map with this value
 * in between. What is not found is true where the index was not written anew meanwhile.
 */
export function checkedRead(code: MapCode, keys: KeyCode, way: Way, answer: Answer): Declared {
  return code.program.define([way.param], [answer.type], ([given], local) => {
    const at = look(local, keys, answer)
    return sequence(
      code.status.set(constant(status.done)),
      takeKey(code, way, at.key, given!, answer),
      at.hash.set(keys.hash(at.key.get, local)),
      at.shard.set(shardOf(code, at.hash.get)),
      at.header.set(headerAt(code, at.shard.get)),
      block((absent) =>
        sequence(
          loop((again) =>
            sequence(
              at.version.set(i32.load(at.header.get, shardAt.version)),
              at.index.set(indexAt(code, at.shard.get, i32.and(at.version.get, constant(1)))),
              at.slot.set(slotOf(code, at.hash.get)),
              probe(code, keys, answer, at, absent),
              missed(code, at, again, absent),
            ),
          ),
          answers(code, status.busy, answer.busy),
        ),
      ),
      code.status.set(constant(status.absent)),
      answer.absent,
    )
  })
}

/** Goes along the index until the key is found (and returns from the function) or can be no further. */
function probe(code: MapCode, keys: KeyCode, answer: Answer, at: Look, absent: Label): Code {
  const { refMask, slotsPerShard } = code.layout
  const nextSlot = i32.and(i32.add(at.slot.get, constant(1)), constant(slotsPerShard - 1))
  return block((end) =>
    loop((next) =>
      sequence(
        at.ref.set(i32.load(i32.add(at.index.get, i32.shl(at.slot.get, constant(2))), 0)),
        branchIf(end, i32.eqz(at.ref.get)),
        at.ref.set(i32.xor(at.ref.get, fingerprintOf(code, at.hash.get))),
        when(
          i32.ltU(i32.sub(at.ref.get, constant(1)), constant(refMask)),
          sequence(at.head.set(headAtRef(code, at.shard.get, at.ref.get)), examine(code, keys, answer, at, absent)),
        ),
        at.slot.set(nextSlot),
        branchIf(next, i32.ne(at.slot.get, slotOf(code, at.hash.get))),
      ),
    ),
  )
}

const isOdd = (value: Code): Code => i32.and(i32.wrapI64(value), constant(1))

/** Returns the value where the entry has the key; goes on behind it where it certainly has not. */
function examine(code: MapCode, keys: KeyCode, answer: Answer, at: Look, absent: Label): Code {
  const expired = expiredCode(code)
  const unchanged = i64.eq(i64.load(at.head.get, headAt.sequence), at.sequence.get)
  const found = sequence(at.value.set(answer.read(at.head.get)), when(unchanged, giveBack(at.value.get)))
  return block((other) =>
    sequence(
      loop((again) =>
        sequence(
          at.sequence.set(i64.load(at.head.get, headAt.sequence)),
          branchIf(other, i32.eqz(isOdd(at.sequence.get))),
          when(
            keys.matches(at.head.get, at.key.get),
            expired === undefined ? found : when(expired(at.head.get), when(unchanged, branch(absent)), found),
            branchIf(other, unchanged),
          ),
          disturbed(code, at),
          branchIf(again, i32.ltU(at.retries.get, constant(retriesMax))),
        ),
      ),
      answers(code, status.busy, answer.busy),
    ),
  )
}

/** Nothing was found: that is so, or begins again, or falls through where only the lock can tell. */
function missed(code: MapCode, at: Look, again: Label, absent: Label): Code {
  const same = i32.eq(i32.load(at.header.get, shardAt.version), at.version.get)
  const onceMore = sequence(disturbed(code, at), branchIf(again, i32.ltU(at.retries.get, constant(retriesMax))))
  if (code.kind === 'snapshot') {
    return when(i32.eqz(i32.load(at.header.get, shardAt.amended)), sequence(branchIf(absent, same), onceMore))
  }
  return sequence(branchIf(absent, i32.and(i32.eqz(isOddWord(at.version.get)), same)), onceMore)
}

const isOddWord = (word: Code): Code => i32.and(word, constant(1))

/** Counts a retry: of this read, and of this thread in this shard. */
function disturbed(code: MapCode, at: Look): Code {
  const counters = constant(code.scratch + scratchAt.tail + code.layout.tailBytes + code.layout.cellBytes)
  const counter = i32.add(counters, i32.shl(at.shard.get, constant(2)))
  return sequence(
    at.retries.set(i32.add(at.retries.get, constant(1))),
    i32.privateStore(counter, 0, i32.add(i32.privateLoad(counter, 0), constant(1))),
  )
}
