import { type GcTrace, gcTimeline, Profiler, traceEvents } from '@qps/profile'
import { expect, test } from 'vitest'
import { paired } from '../src/gc/collection.ts'
import { root, startBusyThread } from './threads.ts'

test('each collection has its time, its pause, and the heap before and after it, in every thread that lends its own', async () => {
  using profiler = new Profiler({ root })
  await using _busy = await startBusyThread('allocate')
  const trace = await profiler.traceGc({ seconds: 1 })
  expect(trace.lost).toEqual([])
  const { collections } = trace.threads[1]!
  const scavenges = collections.filter(({ kind }) => kind === 'scavenge')
  expect(scavenges.length).toBeGreaterThan(3)
  const sized = scavenges.filter(({ heapBeforeBytes }) => heapBeforeBytes !== undefined)
  expect(sized.length).toBeGreaterThan(scavenges.length / 2)
  expect(sized.some(({ heapBeforeBytes, heapAfterBytes }) => heapAfterBytes! < heapBeforeBytes!)).toBe(true)
  for (const { startMs, pauseMs } of collections) {
    expect(pauseMs).toBeGreaterThan(0)
    // The clocks of two threads agree to some milliseconds.
    expect(startMs).toBeGreaterThan(trace.startMs - 50)
    expect(startMs).toBeLessThan(trace.startMs + trace.seconds * 1_000 + 50)
  }
})

test('two observers of one collector are brought together in order, whatever either of them missed', () => {
  const timed = (kind: 'scavenge' | 'mark-compact', pauseMs: number, startMs: number) => ({ kind, pauseMs, startMs })
  const sized = (kind: 'scavenge' | 'mark-compact', pauseMs: number, heapBeforeBytes: number) => {
    return { kind, pauseMs, heapBeforeBytes, heapAfterBytes: heapBeforeBytes / 2 }
  }
  const collections = paired(
    [timed('scavenge', 1, 10), timed('scavenge', 9, 20), timed('mark-compact', 30, 40), timed('scavenge', 1, 90)],
    [sized('scavenge', 5, 1), sized('scavenge', 1.1, 100), sized('mark-compact', 31, 300), sized('scavenge', 0.9, 400)],
  )
  expect(collections.map(({ startMs, heapBeforeBytes }) => [startMs, heapBeforeBytes])).toEqual([
    [10, 100],
    [20, undefined],
    [40, 300],
    [90, 400],
  ])
})

const trace: GcTrace = {
  startMs: 1_000,
  seconds: 2,
  threads: [
    {
      name: 'main',
      threadId: 0,
      missed: 0,
      collections: [
        { kind: 'scavenge', startMs: 1_500, pauseMs: 1.5, heapBeforeBytes: 8 * 2 ** 20, heapAfterBytes: 4 * 2 ** 20 },
      ],
    },
    {
      name: 'worker 1',
      threadId: 1,
      missed: 7,
      collections: [
        { kind: 'mark-compact', startMs: 1_250, pauseMs: 12, heapBeforeBytes: undefined, heapAfterBytes: undefined },
      ],
    },
  ],
  lost: ['worker 2 did not answer'],
}

test('the timeline is in the order of time, whichever thread it was', () => {
  const lines = gcTimeline(trace).split('\n')
  expect(lines[1]).toMatch(/^ +0\.2500 +12\.000 +\? → +\? +mark-compact +worker 1$/)
  expect(lines[2]).toMatch(/^ +0\.5000 +1\.500 +8\.0 → +4\.0 +scavenge +main$/)
  expect(lines).toContain('7 more were not kept')
  expect(lines).toContain('scavenge: 1, 1.5 ms together, longest 1.50 ms')
  expect(lines).toContain('worker 2 did not answer')
})

test('Perfetto gets a bar for each collection and a curve of the heap', () => {
  const { traceEvents: events } = traceEvents(trace, 42)
  expect(events.filter(({ ph }) => ph === 'X')).toEqual([
    {
      name: 'scavenge',
      cat: 'gc',
      ph: 'X',
      pid: 42,
      tid: 0,
      ts: 500_000,
      dur: 1_500,
      args: { heapBeforeBytes: 8 * 2 ** 20, heapAfterBytes: 4 * 2 ** 20 },
    },
    { name: 'mark-compact', cat: 'gc', ph: 'X', pid: 42, tid: 1, ts: 250_000, dur: 12_000, args: {} },
  ])
  expect(events.filter(({ ph }) => ph === 'C').map(({ ts, args }) => [ts, args['bytes']])).toEqual([
    [500_000, 8 * 2 ** 20],
    [501_500, 4 * 2 ** 20],
  ])
  expect(events.filter(({ ph }) => ph === 'M').map(({ args }) => args['name'])).toEqual(['main', 'worker 1'])
})
