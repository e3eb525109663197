import { Profiler } from '@qps/profile'
import { gunzipSync } from 'node:zlib'
import { Profile as PprofProfile } from 'pprof-format'
import { expect, test } from 'vitest'
import { convert } from '../src/convert.ts'
import type { CpuProfile } from '../src/v8-formats.ts'
import { root, startBusyThread } from './threads.ts'

test('stacks of any depth are written whole', async () => {
  using profiler = new Profiler({ root })
  await using _busy = await startBusyThread('deep')
  const { pprof: bytes } = await profiler.profile('cpu', { seconds: 0.7 })
  const decoded = PprofProfile.decode(gunzipSync(bytes))
  const deepest = Math.max(...decoded.sample.map(({ locationId }) => locationId.length))
  expect(deepest).toBeGreaterThan(130)
  const { strings } = decoded.stringTable
  expect(strings).toContain('goesDeep')
})

test('facts that V8 does not write are there: when, how long, how often, which thread', () => {
  const callFrame = { functionName: 'work', url: 'file:///project/a.ts', lineNumber: 6, columnNumber: 0 }
  const profile: CpuProfile = {
    nodes: [{ id: 1, callFrame, positionTicks: [{ line: 9, ticks: 1 }] }],
    startTime: 0,
    endTime: 2_000,
    samples: [1],
    timeDeltas: [0],
  }
  const facts = { kind: 'cpu', period: 1_000_000, seconds: 2, wallMs: 1_700_000_000_000 } as const
  const threads = [{ name: 'worker 3', text: JSON.stringify(profile) }]
  const { pprof: bytes, functions, total } = convert({ threads, facts, root: '/project' })
  const decoded = PprofProfile.decode(gunzipSync(bytes))
  const text = (index: number | bigint): string => decoded.stringTable.strings[Number(index)]!
  expect(decoded.sampleType.map(({ type, unit }) => [text(type), text(unit)])).toEqual([
    ['samples', 'count'],
    ['cpu', 'nanoseconds'],
  ])
  expect(decoded.sample[0]!.value.map(Number)).toEqual([1, 2_000_000])
  expect(decoded.sample[0]!.label.map(({ key, str }) => [text(key), text(str)])).toEqual([['thread', 'worker 3']])
  expect(decoded.location[0]!.line.map(({ line }) => Number(line))).toEqual([9])
  expect(
    decoded.function.map(({ name, filename, startLine }) => [text(name), text(filename), Number(startLine)]),
  ).toEqual([['work', 'a.ts', 7]])
  expect([BigInt(decoded.timeNanos), BigInt(decoded.durationNanos)]).toEqual([
    1_700_000_000_000_000_000n,
    2_000_000_000n,
  ])
  expect(text(decoded.defaultSampleType)).toBe('cpu')
  expect([functions[0]!.hotLine, functions[0]!.share, total]).toEqual([9, 1, 2_000_000])
})
