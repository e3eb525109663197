import { createRegistry, exposition, processMetrics, runtimeMetrics, runtimeTally } from '@qps/metrics'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, describe, expect, test } from 'vitest'
import { allocatedHeapBytes } from '../src/heap-bytes.ts'

const mebibyte = 1024 * 1024
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options?: { type: 'minor' | 'major' }) => void

/** What is made stays reachable for a while, so that no compiler leaves it out. */
const ring: unknown[] = Array.from({ length: 64 })

function valueOf(body: string, series: string): number {
  const line = body.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  return line === undefined ? NaN : Number(line.slice(series.length + 1))
}

/** A registry that is asked for one value. */
function asked(register: (registry: ReturnType<typeof createRegistry>) => void): (series: string) => Promise<number> {
  const registry = createRegistry()
  register(registry)
  return async (series) => valueOf((await exposition(registry)).body, series)
}

afterAll(() => {
  ring.fill(undefined)
})

describe('bytes allocated in the heap', () => {
  const bytes = Buffer.alloc(1000, 'a')
  /** A string of one byte per character, and a head of two words. */
  const stringBytes = 1000 + 16

  function makeStrings(count: number): void {
    for (let index = 0; index < count; index++) ring[index & 63] = bytes.toString('latin1')
  }

  /** What a question itself adds: the rest of the areas that objects are dealt out of. Collections add as well. */
  const areasBytes = 1.5 * mebibyte

  test.each([10_000, 50_000, 200_000])('%d strings are counted, and not much besides', (count) => {
    makeStrings(1_000)
    const before = allocatedHeapBytes()!
    makeStrings(count)
    const counted = allocatedHeapBytes()! - before
    expect(counted).toBeGreaterThanOrEqual(count * stringBytes)
    expect(counted).toBeLessThan(count * stringBytes * 1.3 + areasBytes)
  })

  test('two questions in a row are not far apart', () => {
    const counts = Array.from({ length: 30 }, () => allocatedHeapBytes()!)
    for (const [index, count] of counts.slice(1).entries()) {
      expect(count).toBeGreaterThanOrEqual(counts[index]!)
      expect(count - counts[index]!).toBeLessThan(areasBytes)
    }
  })

  test('collections take nothing from the count', () => {
    makeStrings(1_000)
    const before = allocatedHeapBytes()!
    makeStrings(1_000)
    collect()
    makeStrings(1_000)
    expect(allocatedHeapBytes()! - before).toBeGreaterThanOrEqual(2_000 * stringBytes)
  })

  test('the metric only grows, by what was allocated', async () => {
    const read = asked(processMetrics)
    const before = await read('nodejs_heap_allocated_bytes_total')
    makeStrings(20_000)
    const after = await read('nodejs_heap_allocated_bytes_total')
    expect(after - before).toBeGreaterThanOrEqual(20_000 * stringBytes)
    expect(after - before).toBeLessThan(20_000 * stringBytes * 1.3 + 4 * mebibyte)
  })
})

test('what buffers hold is outside of the heap, is counted once, and is told apart', async () => {
  const read = asked(processMetrics)
  const names = [
    'nodejs_heap_allocated_bytes_total',
    'nodejs_external_memory_bytes',
    'nodejs_array_buffers_bytes',
  ] as const
  const [heap, external, buffers] = [await read(names[0]), await read(names[1]), await read(names[2])]
  for (let index = 0; index < 64; index++) ring[index] = Buffer.alloc(mebibyte)
  expect((await read(names[0])) - heap).toBeLessThan(8 * mebibyte)
  for (const [name, before] of [
    [names[1], external],
    [names[2], buffers],
  ] as const) {
    const grown = (await read(name)) - before
    expect(grown, name).toBeGreaterThan(56 * mebibyte)
    expect(grown, name).toBeLessThan(96 * mebibyte)
  }
})

describe('collections', () => {
  const total = (kind: string): string => `nodejs_gc_duration_seconds_count{kind="${kind}"}`

  test('each kind has its count from the beginning', async () => {
    const registry = createRegistry()
    using _observers = runtimeMetrics(registry)
    const { body } = await exposition(registry)
    expect([valueOf(body, total('scavenge')), valueOf(body, total('mark_compact'))]).toEqual([
      expect.any(Number),
      expect.any(Number),
    ])
    expect(valueOf(body, total('scavenge'))).not.toBeNaN()
  })

  test('a collection of everything and one of what is young are told apart', async () => {
    const registry = createRegistry()
    using _observers = runtimeMetrics(registry)
    await sleep(20)
    const read = async (kind: string): Promise<number> => valueOf((await exposition(registry)).body, total(kind))
    const [young, all] = [await read('scavenge'), await read('mark_compact')]
    for (let index = 0; index < 3; index++) collect({ type: 'minor' })
    await sleep(20)
    expect(await read('scavenge')).toBeGreaterThanOrEqual(young + 3)
    collect({ type: 'major' })
    await sleep(20)
    expect(await read('mark_compact')).toBeGreaterThanOrEqual(all + 1)
  })

  test('what a worker has taken is added: its bytes in a count of their own, its pauses among all', async () => {
    const registry = createRegistry()
    using observers = runtimeMetrics(registry)
    const read = async (series: string): Promise<number> => valueOf((await exposition(registry)).body, series)
    expect(await read('nodejs_workers_heap_allocated_bytes_total')).toBe(0)
    const before = await read(total('incremental'))
    observers.add({ allocatedBytes: 700, pauses: [['incremental', 0.0004]] })
    observers.add({ allocatedBytes: 77, pauses: [['incremental', 0.0012]] })
    expect(await read('nodejs_workers_heap_allocated_bytes_total')).toBe(777)
    expect(await read(total('incremental'))).toBeGreaterThanOrEqual((Number.isNaN(before) ? 0 : before) + 2)
    const below = await read('nodejs_gc_duration_seconds_bucket{le="0.0005",kind="incremental"}')
    expect(below).toBeGreaterThanOrEqual(1)
  })

  test('a tally holds what happened since the one before', async () => {
    using memory = runtimeTally()
    await sleep(20)
    memory.take()
    for (let index = 0; index < 10_000; index++) ring[index & 63] = Array.from({ length: 100 }, () => index)
    collect({ type: 'major' })
    await sleep(20)
    const { allocatedBytes, pauses } = memory.take()
    expect(allocatedBytes).toBeGreaterThan(10_000 * 800)
    expect(pauses.filter(([kind]) => kind === 'mark_compact').length).toBeGreaterThanOrEqual(1)
    expect(pauses.every(([, seconds]) => seconds >= 0 && seconds < 10)).toBe(true)
    expect(memory.take().allocatedBytes).toBeLessThan(allocatedBytes / 3)
  })

  test('a worker that nobody asks keeps a bounded number of pauses', async () => {
    using memory = runtimeTally()
    for (let index = 0; index < 5000; index++) collect({ type: 'minor' })
    await sleep(50)
    expect(memory.take().pauses.length).toBeLessThanOrEqual(4096)
  })
})
