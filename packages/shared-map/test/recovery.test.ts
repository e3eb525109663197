import { seededRandom } from '@qps/core'
import { attachSharedMap, type MapHandle, type MapKind } from '@qps/shared-map'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { contendedBit, layoutOf, ownerAt, shardAt } from '../src/layout.ts'
import { ownerIndex } from '../src/map-parts.ts'
import { codeOf, kinds, makeMap } from './maps.ts'
import { startThread } from './threads.ts'

describe.each(kinds)('%s', (kind) => {
  test('a thread that dies with a lock is named, then replaced', async () => {
    using map = makeMap(kind, 'integer', 'number', { lockTimeoutMs: 20 })
    map.set(1, 1)
    const handle = map.share()
    const { worker } = startThread({ name: 'hold', handle, keys: 1, steps: 60_000 })
    await once(worker, 'message')
    await worker.terminate()
    expect(() => map.set(1, 2)).toThrow(`is held by owner ${handle.owner}`)
    expect(codeOf(() => map.set(1, 2))).toBe('QPS_MAP_LOCK_LOST')
    expect(map.declareDead(handle.owner)).toBe(1)
    expect(map.get(1)).toBe(1)
    map.set(1, 3)
    expect([map.get(1), map.size, map.share().owner]).toEqual([3, 1, handle.owner])
  })

  test('a thread that is killed while it writes leaves no entry wrong', async () => {
    using map = makeMap(kind, 'integer', 'number', { capacity: 200 })
    for (let round = 0; round < 3; round++) {
      const handle = map.share()
      const { worker } = startThread({ name: 'churn', handle, keys: 100, steps: 1e9 })
      await once(worker, 'message')
      for (let look = 0; look < 1000 * round; look++) map.get(look % 100)
      await worker.terminate()
      map.declareDead(handle.owner)
      const entries = [...map.entries()]
      expect(entries.length).toBe(map.size)
      expect(new Set(entries.map(([key]) => key)).size).toBe(entries.length)
      for (const [key, value] of entries) expect([value, map.get(key)]).toEqual([10 * key, 10 * key])
    }
    for (let key = 1000; key < 1100; key++) map.set(key, key)
    expect(map.size).toBeGreaterThanOrEqual(100)
  })

  test('index, free list and spare cells may be nonsense after a death', () => {
    using map = makeMap(kind, 'string', 'bytes', { capacity: 100, lockTimeoutMs: 20, valueBytesMax: 16 })
    for (let key = 0; key < 80; key++) map.set(`key ${key} of some length`, new Uint8Array(9).fill(key))
    for (let key = 0; key < 80; key += 4) map.delete(`key ${key} of some length`)
    const before = new Map(map.entries())
    const handle = map.share()
    const dead = attachSharedMap(handle)
    spoil(kind, handle, dead.owner)
    expect(codeOf(() => map.set('new', new Uint8Array(1)))).toBe('QPS_MAP_LOCK_LOST')
    expect(map.declareDead(dead.owner)).toBe(handle.shape.shards)
    expect([map.size, new Map(map.entries())]).toEqual([before.size, before])
    for (let key = 0; key < 40; key++) map.set(`other ${key}`, new Uint8Array(16).fill(key))
    expect(codeOf(() => map.set('one too many', new Uint8Array(1)))).toBe('QPS_MAP_FULL')
    for (const [key, value] of before) expect(map.get(key)).toEqual(value)
    for (let key = 0; key < 40; key++) expect(map.get(`other ${key}`)).toEqual(new Uint8Array(16).fill(key))
  })

  test('a thread that was declared dead and lives is told', () => {
    using map = makeMap(kind, 'integer', 'number')
    using other = attachSharedMap(map.share())
    const careless = (): unknown => other.update(1, () => map.declareDead(other.owner))
    expect(codeOf(careless)).toBe('QPS_MAP_LOCK_LOST')
    map.set(1, 5)
    expect(map.get(1)).toBe(5)
    expect(codeOf(() => map.declareDead(map.owner))).toBe('QPS_OPTION')
    expect(map.declareDead(60)).toBe(0)
  })
})

test.each(['locked', 'sharded'] as const)('a reader that dies in %s lets writers in again', (kind) => {
  using map = makeMap(kind, 'integer', 'number', { lockTimeoutMs: 20 })
  const handle = map.share()
  const layout = layoutOf(kind, 'integer', 'number', handle.shape)
  const words = new Int32Array(handle.memory.buffer)
  for (let shard = 0; shard < handle.shape.shards; shard++) {
    const header = layout.shards + 128 * shard
    words[(header + shardAt.readers) / 4] = 1
    words[ownerIndex(layout, handle.owner) + ownerAt.reading / 4] = header
    const held = (): void => [...Array(1000).keys()].forEach((key) => map.set(key, key))
    expect(held).toThrow(`shard ${shard} is held by owner ${handle.owner}`)
    expect(map.declareDead(handle.owner)).toBe(1)
  }
  map.set(1, 1)
  expect(map.get(1)).toBe(1)
})

test.each([
  ['locked', 'the writer first'],
  ['locked', 'the reader first'],
  ['sharded', 'the writer first'],
] as const)('in %s a writer and a reader of its shard die together: %s', (kind, order) => {
  using map = makeMap(kind, 'integer', 'number', { lockTimeoutMs: 20 })
  for (let key = 0; key < 100; key++) map.set(key, key)
  const [writer, reader] = [map.share(), map.share()]
  const layout = layoutOf(kind, 'integer', 'number', writer.shape)
  const words = new Int32Array(writer.memory.buffer)
  words[(layout.shards + shardAt.lock) / 4] = writer.owner
  words[(layout.shards + shardAt.readers) / 4] = 1
  words[ownerIndex(layout, reader.owner) + ownerAt.reading / 4] = layout.shards
  if (order === 'the writer first') {
    expect(map.declareDead(writer.owner)).toBe(0)
    // Its lock is still its own, and so is its number.
    expect(() => [...map.entries()]).toThrow(`shard 0 is held by owner ${writer.owner}`)
    expect(map.share().owner).not.toBe(writer.owner)
    expect(map.declareDead(reader.owner)).toBe(2)
  } else {
    expect([map.declareDead(reader.owner), map.declareDead(writer.owner)]).toEqual([1, 1])
  }
  expect([...map.entries()].length).toBe(100)
  for (let key = 0; key < 100; key++) map.set(key, -key)
  expect([map.get(7), map.share().owner]).toEqual([-7, writer.owner])
})

/** All locks held by `owner`, who was in the midst of it all: whatever can be derived is random. */
function spoil(kind: MapKind, { memory, shape }: MapHandle<'string', 'bytes'>, owner: number): void {
  const layout = layoutOf(kind, 'string', 'bytes', shape)
  const words = new Int32Array(memory.buffer)
  const random = seededRandom(9)
  const any = (): number => Math.floor(random() * 2 ** 32)
  for (let shard = 0; shard < shape.shards; shard++) {
    const at = (offset: number): number => (layout.shards + 128 * shard + offset) / 4
    words[at(shardAt.lock)] = owner | (shard % 2 === 0 ? 0 : contendedBit)
    words[at(shardAt.used)] = any()
    words[at(shardAt.freeRef)] = any()
    words[at(shardAt.spareCell)] = any()
    if (kind !== 'snapshot') words[at(shardAt.version)] = any() | 1
  }
  // The published index of a snapshot is never written.
  if (kind === 'snapshot') return
  for (let index = layout.index / 4; index < layout.heads / 4; index++) words[index] = any()
}
