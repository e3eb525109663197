import { headAt, scratchAt, shardAt } from '../layout.ts'
import { branchIf, type Code, f64, i32, i64, loop, sequence, type ValueType, when } from '../wasm/code.ts'
import type { Declared, Variable } from '../wasm/program.ts'
import { expiryAt } from './addresses.ts'
import { constant, type MapCode } from './map-program.ts'
import { lengths } from './status.ts'

/** What differs with the form of the values. */
export interface ValueCode {
  /** A number itself; of bytes, which travel through the scratch, the length. */
  readonly type: ValueType
  /** What is answered where there is no value; `status` says why. */
  readonly absent: Code
  readonly busy: Code
  /** The value of an entry. Where nobody keeps writers out it may be nonsense: look at the sequence afterwards. */
  read(head: Code): Code
  /** Replaces the value in one step: readers see the old one or the new one. */
  store(head: Code, header: Code, value: Code): Code
}

export const valueCode = (code: MapCode): ValueCode => (code.values === 'number' ? numbers() : bytes(code))

/** 64 bits are written in one step. */
function numbers(): ValueCode {
  return {
    type: 'f64',
    absent: f64.const(Number.NaN),
    busy: f64.const(Number.NaN),
    read: (head) => f64.reinterpretI64(i64.load(head, headAt.value)),
    store: (head, _header, value) => i64.store(head, headAt.value, i64.reinterpretF64(value)),
  }
}

/**
 * Bytes are written into the shard's spare cell, then the entry's word is turned to it in one step, and the cell that it had
 * is the next spare. A reader may still be copying that one: the sequence moves on before anything is written there.
 */
function bytes(code: MapCode): ValueCode {
  const cell = (number: Code): Code =>
    i32.add(constant(code.layout.cells), i32.mul(number, constant(code.layout.cellBytes)))
  const scratchCell = code.scratch + scratchAt.tail + code.layout.tailBytes
  const read = code.program.define(['i32'], ['i32'], ([head], local) => {
    const [word, from, at, end] = [local('i64'), local('i32'), local('i32'), local('i32')]
    return sequence(
      word.set(i64.load(head!.get, headAt.value)),
      end.set(i32.wrapI64(word.get)),
      from.set(cell(i32.wrapI64(i64.shrU(word.get, i64.const(32n))))),
      eachWord(at, end, (offset) =>
        i64.privateStore(i32.add(constant(scratchCell), offset), 0, i64.load(i32.add(from.get, offset), 0)),
      ),
      end.get,
    )
  })
  const store: Declared = code.program.define(['i32', 'i32', 'i32'], [], ([head, header, length], local) => {
    const [spare, to, at] = [local('i32'), local('i32'), local('i32')]
    const [before, word] = [local('i64'), local('i64')]
    return sequence(
      spare.set(i32.load(header!.get, shardAt.spareCell)),
      to.set(cell(spare.get)),
      eachWord(at, length!, (offset) =>
        i64.store(i32.add(to.get, offset), 0, i64.privateLoad(i32.add(constant(scratchCell), offset), 0)),
      ),
      before.set(i64.load(head!.get, headAt.value)),
      word.set(i64.or(i64.shl(i64.extendI32U(spare.get), i64.const(32n)), i64.extendI32U(length!.get))),
      i64.store(head!.get, headAt.value, word.get),
      i64.store(head!.get, headAt.sequence, i64.add(i64.load(head!.get, headAt.sequence), i64.const(2n))),
      i32.store(header!.get, shardAt.spareCell, i32.wrapI64(i64.shrU(before.get, i64.const(32n)))),
    )
  })
  return {
    type: 'i32',
    absent: constant(lengths.absent),
    busy: constant(lengths.busy),
    read: (head) => read.call(head),
    store: (head, header, value) => store.call(head, header, value),
  }
}

/** Calls `step` with 0, 8, 16 … below `end`. */
function eachWord(at: Variable, end: Variable, step: (offset: Code) => Code): Code {
  return sequence(
    at.set(constant(0)),
    when(
      end.get,
      loop((again) =>
        sequence(step(at.get), at.set(i32.add(at.get, constant(8))), branchIf(again, i32.ltU(at.get, end.get))),
      ),
    ),
  )
}

/** 1 where the entry's time is over; undefined in a map without expiry. */
export function expiredCode(code: MapCode): ((head: Code) => Code) | undefined {
  if (code.shape.ttlMs === 0) return undefined
  const now = f64.privateLoad(constant(code.scratch), scratchAt.nowMs)
  return (head) => f64.le(f64.reinterpretI64(i64.load(expiryAt(code, head), 0)), now)
}

/** Gives the entry its time again. Stored after the value and read before it: an old value never gets the new time. */
export function prolongCode(code: MapCode, head: Code): Code[] {
  if (code.shape.ttlMs === 0) return []
  const now = f64.privateLoad(constant(code.scratch), scratchAt.nowMs)
  return [i64.store(expiryAt(code, head), 0, i64.reinterpretF64(f64.add(now, f64.const(code.shape.ttlMs))))]
}
