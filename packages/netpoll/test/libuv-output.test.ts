import { seededRandom } from '@qps/core'
import { expect, test } from 'vitest'
import { blockBytes, BlockPool, OutputQueue } from '../src/libuv/output.ts'

/** Takes everything in slices, as the kernel might. */
function drain(queue: OutputQueue, sliceBytes: number, takenBytes = sliceBytes): Buffer {
  const pieces: Buffer[] = []
  while (queue.bytes > 0) {
    const bytes = Buffer.concat(queue.head(sliceBytes)).subarray(0, takenBytes)
    pieces.push(bytes)
    queue.taken(bytes.length)
  }
  return Buffer.concat(pieces)
}

test('whatever is written, reserved, lent and taken in whatever pieces leaves once and in order', () => {
  const random = seededRandom(3)
  const below = (limit: number): number => Math.floor(random() * limit)
  const pool = new BlockPool(1024 * 1024)
  for (let round = 0; round < 300; round++) {
    const queue = new OutputQueue(pool)
    const wanted: Buffer[] = []
    const got: Buffer[] = []
    for (let step = 0; step < 40; step++) {
      const bytes = Buffer.alloc(1 + below(4_096), 1 + below(255))
      const kind = below(5)
      if (kind === 0) queue.lend(Buffer.concat([bytes, bytes]))
      else if (kind === 1) queue.copy(bytes)
      else if (kind === 2) {
        const offset = queue.reserve(4_096)
        queue.memory.fill(0xee, offset, offset + 4_096)
        queue.memory.set(bytes, offset)
        expect(queue.commit(offset + bytes.length)).toBe(true)
      } else {
        // A lease may stand open while earlier output is taken.
        const offset = queue.reserve(bytes.length)
        got.push(drain(queue, 1 + below(20_000)))
        expect(queue.memory.length).toBe(blockBytes)
        queue.memory.set(bytes, offset)
        if (kind === 3) queue.endLease()
        else queue.commit(offset + bytes.length)
      }
      if (kind === 0) wanted.push(bytes, bytes)
      else if (kind !== 3) wanted.push(bytes)
      if (below(6) === 0) got.push(drain(queue, 1 + below(9_000), 1 + below(9_000)))
    }
    queue.endLease()
    got.push(drain(queue, 65_536))
    expect(Buffer.concat(got).equals(Buffer.concat(wanted))).toBe(true)
  }
})

test('a block is used again as soon as it is free, the last one first', () => {
  const pool = new BlockPool(4 * blockBytes)
  const [a, b] = [pool.acquire(), pool.acquire()]
  pool.release(a)
  pool.release(b)
  expect([pool.acquire(), pool.acquire()]).toEqual([b, a])
  expect(pool.starved).toBe(0)
})

test('beyond its bound the pool says so, and keeps no more than the bound', () => {
  const pool = new BlockPool(2 * blockBytes)
  const blocks = [pool.acquire(), pool.acquire(), pool.acquire()]
  expect(blocks.map(({ pooled }) => pooled)).toEqual([true, true, false])
  expect(pool.starved).toBe(1)
  for (const block of blocks) pool.release(block)
  const again = [pool.acquire(), pool.acquire()]
  expect(again.every((block) => blocks.slice(0, 2).includes(block))).toBe(true)
  expect(pool.acquire().pooled).toBe(false)
})

test('an empty queue holds no block', () => {
  const pool = new BlockPool(blockBytes)
  const first = new OutputQueue(pool)
  first.copy(Buffer.from('x'))
  drain(first, 10)
  first.reserve(10)
  first.endLease()
  const second = new OutputQueue(pool)
  second.reserve(10)
  expect(pool.starved).toBe(0)
})

test('a commit without a lease, before its start or behind its block is refused', () => {
  const queue = new OutputQueue(new BlockPool(blockBytes))
  expect(queue.commit(1)).toBe(false)
  queue.copy(Buffer.from('abc'))
  const offset = queue.reserve(10)
  expect(queue.commit(offset - 1)).toBe(false)
  queue.reserve(10)
  expect(queue.commit(blockBytes + 1)).toBe(false)
  expect(queue.commit(offset)).toBe(false)
  expect(queue.bytes).toBe(3)
})
