import { type BufferLease, BufferPool } from '@qps/pool'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LentBuffers } from '../src/lent-buffers.ts'
import { Output } from './output.ts'

describe('lent buffers', () => {
  let buffers: BufferPool
  let lent: LentBuffers
  beforeEach(() => {
    buffers = new BufferPool({ bytesMax: 1024 * 1024, mode: 'development' })
    lent = new LentBuffers()
  })
  afterEach(() => {
    lent.takeBack(lent.count)
    buffers[Symbol.dispose]()
  })

  const answer = (output: Output, bytes: number): BufferLease => {
    const lease = buffers.acquire(bytes)
    lent.lend(lease, output.write(bytes))
    return lease
  }
  const isHeld = (lease: BufferLease): boolean => lease.isCurrent(lease.generation)

  test('stay until the last of their bytes was taken', () => {
    const output = new Output()
    const first = answer(output, 5)
    const second = answer(output, 6)
    output.send(4)
    expect(lent.takeBack(10)).toBe(0)
    output.send(1)
    expect(lent.takeBack(10)).toBe(1)
    expect([isHeld(first), isHeld(second), lent.count]).toEqual([false, true, 1])
    output.send(6)
    expect(lent.takeBack(10)).toBe(1)
    expect(() => second.bytes).toThrow('after its release')
  })

  test('come back when their connection is closed, sent or not', () => {
    const output = new Output()
    answer(output, 100)
    output.open = false
    expect(lent.takeBack(1)).toBe(1)
    expect(lent.count).toBe(0)
  })

  test('behind one that is not taken are found all the same, one look at a time', () => {
    const stuck = new Output()
    answer(stuck, 5)
    for (let index = 0; index < 9; index++) {
      const output = new Output()
      answer(output, 5)
      output.send(5)
    }
    let released = 0
    for (let round = 0; round < 10; round++) released += lent.takeBack(1)
    expect(released).toBe(9)
    expect(lent.count).toBe(1)
    expect(lent.takeBack(100)).toBe(0)
    stuck.send(5)
    expect(lent.takeBack(1)).toBe(1)
  })

  test('cost nothing to look for where there are none', () => {
    expect(lent.takeBack(10)).toBe(0)
  })
})
