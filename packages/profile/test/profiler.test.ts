import { Profiler } from '@qps/profile'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { busyFile, lineOf, root, startBusyThread } from './threads.ts'

test('the function that takes the CPU is named first, with its file and its lines', async () => {
  using profiler = new Profiler({ root })
  await using _busy = await startBusyThread('burn')
  const profile = await profiler.profile('cpu', { seconds: 1 })
  const [first] = profile.functions
  expect(first).toMatchObject({ name: 'burnsTheProcessor', file: busyFile, kind: 'ours' })
  expect(first!.line).toBe(lineOf('function burnsTheProcessor'))
  expect(first!.hotLine).toBe(lineOf('index < 3_000_000'))
  expect(first!.share).toBeGreaterThan(0.5)
  expect(profile.threads.map(({ name }) => name)).toEqual(['main', expect.stringMatching(/^worker \d+$/)])
  expect(profile.lost).toEqual([])
})

test('the function that allocates is named first, though nothing of it outlives the next collection', async () => {
  using profiler = new Profiler({ root })
  await using _busy = await startBusyThread('allocate')
  const { functions, unit, total } = await profiler.profile('allocations', { seconds: 1 })
  expect(functions[0]).toMatchObject({ name: 'buildsShortLivedObjects', file: busyFile, kind: 'ours', hotLine: 0 })
  expect(functions[0]!.line).toBe(lineOf('function buildsShortLivedObjects'))
  expect(functions[0]!.self).toBeGreaterThan(total / 2)
  expect(functions[0]!.samples).toBeGreaterThan(10)
  expect(unit).toBe('bytes')
})

test('of what was allocated, the live profile has only what is still in use', async () => {
  using profiler = new Profiler({ root })
  await using _busy = await startBusyThread('allocate')
  const every = await profiler.profile('allocations', { seconds: 0.5 })
  const live = await profiler.profile('live', { seconds: 0.5 })
  expect(live.total).toBeLessThan(every.total / 2)
})

test('JSON.stringify is named, or the line that calls it', async () => {
  using profiler = new Profiler({ root })
  await using _busy = await startBusyThread('write')
  const { functions } = await profiler.profile('cpu', { seconds: 1 })
  const first = functions.find(({ kind }) => kind !== 'node')!
  if (first.name !== 'JSON.stringify') {
    expect(first).toMatchObject({ name: 'writesItOut', hotLine: lineOf('JSON.stringify(rows)') })
  }
})

test('V8 gets what its formats say', async () => {
  using profiler = new Profiler({ root })
  await using _busy = await startBusyThread('burn')
  const { texts } = await profiler.profile('cpu', { seconds: 0.5 })
  for (const { text } of texts) expectCpuProfile(JSON.parse(text))
})

/** What Speedscope and DevTools ask of a `.cpuprofile`: whole numbers, samples of known nodes, children that exist. */
function expectCpuProfile(profile: Record<string, unknown>): void {
  const { nodes, samples, timeDeltas, startTime, endTime } = profile as {
    nodes: { id: number; callFrame: object; children?: number[]; hitCount: number }[]
    samples: number[]
    timeDeltas: number[]
    startTime: number
    endTime: number
  }
  const ids = new Set(nodes.map(({ id }) => id))
  expect(ids.size).toBe(nodes.length)
  for (const { callFrame, children = [], hitCount } of nodes) {
    expect(callFrame).toEqual({
      functionName: expect.any(String),
      scriptId: expect.anything(),
      url: expect.any(String),
      lineNumber: expect.any(Number),
      columnNumber: expect.any(Number),
    })
    expect(children.every((id) => ids.has(id))).toBe(true)
    expect(hitCount).toBeGreaterThanOrEqual(0)
  }
  expect(samples.length).toBeGreaterThan(0)
  expect(timeDeltas).toHaveLength(samples.length)
  expect(samples.every((id) => ids.has(id))).toBe(true)
  expect(endTime).toBeGreaterThan(startTime)
}

test('one profile at a time', async () => {
  using profiler = new Profiler({ root })
  const first = profiler.profile('cpu', { seconds: 0.3 })
  await expect(profiler.profile('allocations', { seconds: 0.1 })).rejects.toMatchObject({
    code: 'QPS_PROFILE_BUSY',
    retryable: true,
  })
  await expect(profiler.traceGc({ seconds: 0.1 })).rejects.toMatchObject({ code: 'QPS_PROFILE_BUSY' })
  await first
  expect(profiler.running).toBeUndefined()
  await profiler.profile('allocations', { seconds: 0.1 })
})

test('a signal ends it at once, and the next one can be taken', async () => {
  using profiler = new Profiler({ root })
  const stop = new AbortController()
  const startMs = performance.now()
  const profile = profiler.profile('cpu', { seconds: 30, signal: stop.signal })
  await sleep(50)
  stop.abort(new Error('gone'))
  await expect(profile).rejects.toThrow()
  expect(performance.now() - startMs).toBeLessThan(10_000)
  await profiler.profile('cpu', { seconds: 0.1 })
})

test('a thread that ends meanwhile is named as missing, and the others are there', async () => {
  using profiler = new Profiler({ root })
  const busy = await startBusyThread('burn')
  const profiling = profiler.profile('allocations', { seconds: 0.6 })
  await sleep(200)
  await busy[Symbol.asyncDispose]()
  const profile = await profiling
  expect(profile.threads.map(({ name }) => name)).toEqual(['main'])
  expect(profile.lost).toEqual([expect.stringMatching(/^worker \d+: /)])
})

test.each([0, -1, 61, NaN])('seconds out of range: %j', async (seconds) => {
  using profiler = new Profiler({ root })
  await expect(profiler.profile('cpu', { seconds })).rejects.toMatchObject({ code: 'QPS_OPTION' })
})

test('samples are bounded: time is sampled no further, and allocations end early, which is said', async () => {
  using profiler = new Profiler({ root, samplesMax: 100 })
  await using _busy = await startBusyThread('allocate')
  const cpu = await profiler.profile('cpu', { seconds: 1 })
  const lengths = cpu.texts.map(({ text }) => (JSON.parse(text) as { samples: number[] }).samples.length)
  expect(Math.max(...lengths)).toBeLessThanOrEqual(100)
  expect(Math.max(...lengths)).toBeGreaterThan(50)
  const heap = await profiler.profile('allocations', { seconds: 20 })
  expect(heap.cutShort).toMatch(/samples/)
  expect(heap.seconds).toBeLessThan(15)
  expect(heap.allocatedBytes).toBeGreaterThan(100 * 65_536)
  expect(cpu.cutShort).toBeUndefined()
})

test.each([0, 1.5, 200_001])('samples out of range: %j', (samplesMax) => {
  expect(() => new Profiler({ samplesMax })).toThrow(/samplesMax must be/)
})
