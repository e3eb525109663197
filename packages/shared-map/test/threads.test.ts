import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { kinds, makeMap } from './maps.ts'
import { startThread } from './threads.ts'

describe.each(kinds)('%s', (kind) => {
  test('loses no update of two threads', async () => {
    using map = makeMap(kind, 'integer', 'number', { lockTimeoutMs: 10_000 })
    const steps = 20_000
    const threads = [0, 1].map(() => startThread({ name: 'count', handle: map.share(), keys: 5, steps }))
    await Promise.all(threads.map(({ ended }) => ended))
    const counts = [0, 1, 2, 3, 4].map((key) => map.get(key))
    expect(counts).toEqual(counts.map(() => (2 * steps) / 5))
    expect([...map.entries()].length).toBe(5)
  })

  test('shows no value of two writes', async () => {
    using map = makeMap(kind, 'integer', 'bytes', { capacity: 10, valueBytesMax: 200, lockTimeoutMs: 10_000 })
    const threads = [0, 1].map(() => startThread({ name: 'write', handle: map.share(), keys: 3, steps: 20_000 }))
    const running = { threads: threads.length }
    for (const { ended } of threads) void ended.finally(() => running.threads--).catch(() => {})
    let values = 0
    while (running.threads > 0) {
      for (let look = 0; look < 300; look++) {
        const value = map.get(look % 3)
        if (value === undefined) continue
        values++
        if (new Set(value).size !== 1) expect.fail(`a value of two writes: ${value.join(' ')}`)
      }
      await new Promise(setImmediate)
    }
    await Promise.all(threads.map(({ ended }) => ended))
    expect(values).toBeGreaterThan(0)
  })

  test('sleeps for a lock that another thread holds, and gets it', async () => {
    using map = makeMap(kind, 'integer', 'number', { lockTimeoutMs: 10_000 })
    const { worker, ended } = startThread({ name: 'hold', handle: map.share(), keys: 7, steps: 300 })
    await once(worker, 'message')
    map.update(7, (value = 0) => value + 10)
    expect(map.get(7)).toBe(11)
    expect(map.stats().shards.reduce((sum, { waits }) => sum + waits, 0)).toBeGreaterThan(0)
    await ended
  })
})
