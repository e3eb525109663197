import fc from 'fast-check'
import { createRegistry, exposition, processMetrics, runtimeMetrics } from '@qps/metrics'
import { describe, expect, test } from 'vitest'
import { asksMemory, type MemoryRecord, readMemory, recordOf } from '../src/memory.ts'
import {
  type MemoryFigures,
  memoryFigures,
  type PauseCount,
  pauseQuantile,
  pausesBetween,
} from '../src/memory-figures.ts'

const page = `# HELP nodejs_heap_allocated_bytes_total Bytes.
# TYPE nodejs_heap_allocated_bytes_total counter
nodejs_heap_allocated_bytes_total 1.5e+6
nodejs_workers_heap_allocated_bytes_total 500
nodejs_external_memory_bytes 4096
nodejs_gc_duration_seconds_bucket{le="0.001",kind="scavenge"} 2
nodejs_gc_duration_seconds_bucket{le="0.01",kind="scavenge"} 3
nodejs_gc_duration_seconds_bucket{le="+Inf",kind="scavenge"} 3
nodejs_gc_duration_seconds_sum{kind="scavenge"} 0.004
nodejs_gc_duration_seconds_count{kind="scavenge"} 3
nodejs_gc_duration_seconds_bucket{le="0.001",kind="mark_compact"} 0
nodejs_gc_duration_seconds_bucket{le="0.01",kind="mark_compact"} 1
nodejs_gc_duration_seconds_bucket{le="+Inf",kind="mark_compact"} 1
nodejs_gc_duration_seconds_count{kind="mark_compact"} 1
`

test('figures are found among everything else', () => {
  expect(memoryFigures(page)).toEqual({
    allocatedBytes: 1_500_500,
    externalBytes: 4096,
    collections: {
      scavenges: 3,
      markCompacts: 1,
      pauses: [
        { upToS: 0.001, count: 2 },
        { upToS: 0.01, count: 4 },
        { upToS: Infinity, count: 4 },
      ],
    },
  })
})

test('a server that does not count, or watch, has fewer figures', () => {
  expect(memoryFigures('')).toBeUndefined()
  expect(memoryFigures(page.replaceAll('nodejs_heap', 'other_heap'))).toBeUndefined()
  expect(memoryFigures(page.replaceAll('nodejs_gc', 'other_gc'))).toMatchObject({ collections: undefined })
})

test('our stages show all of it', async () => {
  const registry = createRegistry()
  processMetrics(registry)
  using _observers = runtimeMetrics(registry)
  const figures = memoryFigures((await exposition(registry)).body)
  expect(figures).toEqual({
    allocatedBytes: expect.any(Number),
    externalBytes: expect.any(Number),
    collections: { scavenges: expect.any(Number), markCompacts: expect.any(Number), pauses: expect.any(Array) },
  })
  expect(figures!.allocatedBytes).toBeGreaterThan(1_000_000)
  expect(figures!.externalBytes).toBeGreaterThan(1000)
  expect(figures!.collections!.pauses.at(-1)!.upToS).toBe(Infinity)
})

describe('a record', () => {
  const figures = (allocatedBytes: number, scavenges: number, counts: number[]): MemoryFigures => ({
    allocatedBytes,
    externalBytes: allocatedBytes / 10,
    collections: {
      scavenges,
      markCompacts: 0,
      pauses: [0.001, 0.01, Infinity].map((upToS, index) => ({ upToS, count: counts[index]! })),
    },
  })

  test('is what happened between two looks, and knows what a look costs', () => {
    const record = recordOf(figures(1000, 1, [1, 1, 1]), figures(1300, 1, [1, 1, 1]), figures(51_300, 5, [1, 5, 5]))
    expect(record).toEqual({
      allocatedBytes: 50_000,
      lookBytes: 300,
      externalBytes: 5130,
      scavenges: 4,
      markCompacts: 0,
      pauseMsP99: expect.closeTo(9.91, 6),
    })
    expect(readMemory('heapBytesPerRequest', record, 500)).toBeCloseTo(99.4)
    expect(readMemory('scavengesPerMillion', record, 500)).toBe(8000)
    expect(readMemory('markCompactsPerMillion', record, 500)).toBe(0)
    expect(readMemory('externalBytes', record, 500)).toBe(5130)
    expect(readMemory('gcPauseMsP99', record, 500)).toBeCloseTo(9.91)
  })

  test('without a pause has none, without a watcher no collection, and nothing is below zero', () => {
    const still = recordOf(figures(0, 1, [1, 1, 1]), figures(300, 1, [1, 1, 1]), figures(400, 1, [1, 1, 1]))
    expect(readMemory('gcPauseMsP99', still, 1)).toBeNaN()
    expect(readMemory('scavengesPerMillion', still, 1)).toBe(0)
    expect(readMemory('heapBytesPerRequest', still, 1)).toBe(0)
    const blind: MemoryRecord = { allocatedBytes: 10, lookBytes: 0, externalBytes: 1 }
    expect(readMemory('scavengesPerMillion', blind, 1)).toBeNaN()
    expect(readMemory('heapBytesPerRequest', blind, 1)).toBe(10)
    expect(readMemory('heapBytesPerRequest', undefined, 1)).toBeNaN()
  })

  test('is taken where a phase asks for one of its figures', () => {
    expect(asksMemory({ gives: { achievedQps: 'achievedQps', residentBytes: 'residentBytes' } })).toBe(false)
    expect(asksMemory({ gives: { achievedQps: 'achievedQps', gcPauseMsP99: 'gcPauseMsP99' } })).toBe(true)
  })
})

describe('the pause of a quantile', () => {
  const bounds = [0.001, 0.002, 0.005, 0.01]
  const countsOf = (pauses: readonly number[]): PauseCount[] =>
    [...bounds, Infinity].map((upToS) => ({ upToS, count: pauses.filter((pause) => pause <= upToS).length }))

  test('lies in the bucket of the pause that it is of', () => {
    const pause = fc.double({ min: 0.0001, max: 0.0099, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(pause, { minLength: 1, maxLength: 50 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (pauses, at) => {
          const sorted = pauses.toSorted((left, right) => left - right)
          const exact = sorted[Math.ceil(at * pauses.length) - 1]!
          const upper = bounds.find((bound) => exact <= bound)!
          const lower = bounds.findLast((bound) => bound < exact) ?? 0
          const found = pauseQuantile(countsOf(pauses), at)
          expect(found).toBeGreaterThan(lower - 1e-12)
          expect(found).toBeLessThanOrEqual(upper + 1e-12)
        },
      ),
    )
  })

  test('beyond the last bound is that bound, and of nothing is none', () => {
    expect(pauseQuantile(countsOf([5]), 0.99)).toBe(0.01)
    expect(pauseQuantile(countsOf([]), 0.99)).toBeNaN()
    expect(pauseQuantile([], 0.99)).toBeNaN()
  })

  test('counts only what came since', () => {
    const before = countsOf([0.0005, 0.0005])
    expect(pausesBetween(before, countsOf([0.0005, 0.0005, 0.004]))).toEqual(countsOf([0.004]))
    expect(pausesBetween([], countsOf([0.004]))).toEqual(countsOf([0.004]))
  })
})
