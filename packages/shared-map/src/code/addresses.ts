import { apartBytes, headBytes } from '../layout.ts'
import { type Code, i32, i64 } from '../wasm/code.ts'
import { constant, type MapCode } from './map-program.ts'

/*
 * A hash has 64 bits: those of the upper half choose the shard (from the top) and the slot (from the bottom), those of the
 * lower half tell keys apart in the index.
 */

/** The shard's number. */
export function shardOf({ shape }: MapCode, hash: Code): Code {
  if (shape.shards === 1) return constant(0)
  return i32.wrapI64(i64.shrU(hash, i64.const(BigInt(64 - Math.log2(shape.shards)))))
}

export function slotOf({ layout }: MapCode, hash: Code): Code {
  return i32.and(i32.wrapI64(i64.shrU(hash, i64.const(32n))), constant(layout.slotsPerShard - 1))
}

export function fingerprintOf({ layout }: MapCode, hash: Code): Code {
  return i32.and(i32.wrapI64(hash), constant(~layout.refMask))
}

/** Where the shard's locks and counters stand. */
export function headerAt({ layout }: MapCode, shard: Code): Code {
  return i32.add(constant(layout.shards), i32.mul(shard, constant(apartBytes)))
}

/** Where an index of the shard begins; `area` is 0 or 1. */
export function indexAt({ layout }: MapCode, shard: Code, area: Code): Code {
  const bytes = 4 * layout.slotsPerShard
  const first = i32.add(constant(layout.index), i32.mul(shard, constant(bytes * layout.areas)))
  return layout.areas === 1 ? first : i32.add(first, i32.mul(area, constant(bytes)))
}

/** The head of the shard's entry `ref`, which counts from 1. */
export function headAtRef({ layout }: MapCode, shard: Code, ref: Code): Code {
  const own = i32.add(constant(layout.heads - headBytes), i32.mul(ref, constant(headBytes)))
  return i32.add(own, i32.mul(shard, constant(headBytes * layout.entriesPerShard)))
}

export function refAtHead({ layout }: MapCode, shard: Code, head: Code): Code {
  const number = i32.shrU(i32.sub(head, constant(layout.heads - headBytes)), constant(Math.log2(headBytes)))
  return i32.sub(number, i32.mul(shard, constant(layout.entriesPerShard)))
}

export function tailAt({ layout }: MapCode, head: Code): Code {
  const number = i32.shrU(i32.sub(head, constant(layout.heads)), constant(Math.log2(headBytes)))
  return i32.add(constant(layout.tails), i32.mul(number, constant(layout.tailBytes)))
}

/** Expiries are a quarter of a head. */
export function expiryAt({ layout }: MapCode, head: Code): Code {
  return i32.add(constant(layout.expiries), i32.shrU(i32.sub(head, constant(layout.heads)), constant(2)))
}
