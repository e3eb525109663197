import { QpsError } from '@qps/core'
import type { MapShape } from './handle.ts'
import type { KeyForm, MapKind, ValueForm } from './shared-map.ts'
import { pageBytes } from './wasm/engine.ts'

/**
 * Where what lies in the memory of a map, in bytes from its beginning.
 *
 *   total │ secret │ owners │ shards │ index │ heads │ tails │ expiries │ cells │ scratch
 *
 *   a shard's line of locks and its line of versions     an index word        a head, 32 bytes: half a line of cache
 *   ┌──────┬─────────┬───────┬──────┬─────┬─────────┐    ┌─────────┬─────┐    ┌──────────┬───────┬─────────────────────┐
 *   │ lock │ readers │ count │ used │ ... │ version │    │ hash    │ ref │    │ sequence │ value │ length, 12 bytes of │
 *   └──────┴─────────┴───────┴──────┴─────┴─────────┘    └─────────┴─────┘    └──────────┴───────┴── the key ──────────┘
 *
 * A ref counts the entries of its shard from 1; 0 with hash bits is a grave, an index word of 0 was never used. An entry's tail
 * (the key's bytes from the 13th on), its expiry and its cell of bytes stand at the same ref elsewhere, so that a short key
 * with a number is one line of cache. What the system never touches of the rest is never resident.
 */
export interface Layout {
  readonly bytes: number
  readonly entriesPerShard: number
  readonly slotsPerShard: number
  /** Two indexes where one of them is published. */
  readonly areas: 1 | 2
  /** Bits of an index word that are the ref. */
  readonly refMask: number
  readonly tailBytes: number
  readonly cellBytes: number
  readonly secretWords: number
  readonly secret: number
  readonly owners: number
  readonly shards: number
  readonly index: number
  readonly heads: number
  readonly tails: number
  readonly expiries: number
  readonly cells: number
  readonly scratch: number
  readonly scratchBytes: number
}

/** Two lines of cache that are fetched together: what different threads write keeps this distance. */
export const apartBytes = 128
export const headBytes = 32

/** Of the map. */
export const mapAt = { total: 0, secret: 128 } as const

/** Of an owner: its state, and the shard (its address) that it holds for reading. */
export const ownerAt = { state: 0, reading: 4 } as const
export const ownerStates = { free: 0, reserved: 1, attached: 2, dead: 3 } as const

/** Of a shard. Writers write the first line; readers without locks look only at the second. */
export const shardAt = {
  /** 0, or the owner's number with {@link contendedBit} where somebody waits. */
  lock: 0,
  readers: 4,
  count: 8,
  /** Index words that are not 0. */
  used: 12,
  /** The first of the entries that were given back, linked by `headAt.next`. */
  freeRef: 16,
  /** Entries that were in use at any time: those above were never touched. */
  fresh: 20,
  /** 1 where `total` counts an entry that `count` does not have yet. */
  reserving: 24,
  /** The cell that no entry owns: bytes are written there first. */
  spareCell: 28,
  /** Reads that had to take the lock since the snapshot was published. */
  misses: 32,
  /** Odd while the index is written anew; of a snapshot: how often one was published, whose last bit names the area. */
  version: 64,
  /** 1 where the other area has entries which the published one has not. */
  amended: 68,
} as const
export const contendedBit: number = 0x4000_0000

/** Of an entry. */
export const headAt = {
  /** 64 bits: odd while the entry is in the map; it never comes back to a value that it had. */
  sequence: 0,
  /** A number, or the length (low half) and the cell (high half) of bytes. */
  value: 8,
  /** Of a string: bytes, and {@link wideBit}. */
  length: 16,
  words: 20,
  integer: 16,
  /** Of an entry that is not in the map: the next such one. */
  next: 24,
} as const

/** Set in a key's length where its characters take two bytes each. */
export const wideBit: number = 0x1_0000
/** Bytes of a key that stand in its head. */
export const inlineBytes = 12

/** Of a thread's scratch: what does not travel as an argument. The tail follows the inline words without a gap. */
export const scratchAt = { nowMs: 8, words: 20, tail: 32 } as const

const align = (offset: number, bytes: number): number => Math.ceil(offset / bytes) * bytes

/**
 * @throws QpsError QPS_OPTION where the map would be larger than 2 GiB - 64 KiB.
 */
export function layoutOf(kind: MapKind, keys: KeyForm, values: ValueForm, shape: MapShape): Layout {
  const { capacity, shards: shardCount, ownersMax } = shape
  const entriesPerShard = shardEntries(capacity, shardCount)
  const slotsPerShard = 2 ** Math.ceil(Math.log2((entriesPerShard * 4) / 3 + 2))
  const areas = kind === 'snapshot' ? 2 : 1
  const tailBytes = keys === 'string' ? align(Math.max(0, shape.keyBytesMax - inlineBytes), 8) : 0
  const cellBytes = values === 'bytes' ? align(shape.valueBytesMax, 8) : 0
  const entries = entriesPerShard * shardCount
  const secretWords = 5 + tailBytes / 4
  const owners = align(mapAt.secret + 8 * secretWords, apartBytes)
  const shards = owners + apartBytes * (ownersMax + 1)
  const index = shards + apartBytes * shardCount
  const heads = align(index + 4 * areas * slotsPerShard * shardCount, apartBytes)
  const tails = heads + headBytes * entries
  const expiries = tails + tailBytes * entries
  const cells = expiries + (shape.ttlMs > 0 ? 8 * entries : 0)
  const scratch = align(cells + cellBytes * (entriesPerShard + 1) * shardCount, apartBytes)
  const scratchBytes = align(scratchAt.tail + tailBytes + cellBytes + 4 * shardCount, apartBytes)
  const bytes = align(scratch + scratchBytes * (ownersMax + 1), pageBytes)
  if (bytes > 2 ** 31 - pageBytes) throw tooLarge(bytes)
  const refMask = 2 ** Math.ceil(Math.log2(entriesPerShard + 1)) - 1
  return {
    bytes,
    entriesPerShard,
    slotsPerShard,
    areas,
    refMask,
    tailBytes,
    cellBytes,
    secretWords,
    secret: mapAt.secret,
    owners,
    shards,
    index,
    heads,
    tails,
    expiries,
    cells,
    scratch,
    scratchBytes,
  }
}

/**
 * Entries for which a shard has room. The hash spreads keys evenly, not equally: the number in one shard has a standard
 * deviation of at most the root of the mean. Eight of them are more than any map will see.
 */
function shardEntries(capacity: number, shards: number): number {
  if (shards === 1) return capacity
  const mean = capacity / shards
  return Math.min(capacity, Math.ceil(mean + 8 * Math.sqrt(mean) + 8))
}

function tooLarge(bytes: number): QpsError {
  return new QpsError('QPS_OPTION', `the map would take ${bytes} bytes, more than 2 GiB`, {
    hint: 'lower capacity, keyBytesMax or valueBytesMax',
  })
}
