import { expect, test } from 'vitest'
import { cpuStacks, heapStacks } from '../src/stacks.ts'
import type { CallFrame, CpuProfile, HeapProfile } from '../src/v8-formats.ts'

const frame = (functionName: string): CallFrame => ({
  functionName,
  url: `file:///${functionName}.ts`,
  lineNumber: 9,
  columnNumber: 0,
})

/** outer calls inner; the thread idles in between. */
const cpu: CpuProfile = {
  startTime: 1_000,
  endTime: 8_000,
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('outer'), children: [4] },
    {
      id: 4,
      callFrame: frame('inner'),
      positionTicks: [
        { line: 12, ticks: 3 },
        { line: 14, ticks: 1 },
      ],
    },
  ],
  samples: [3, 4, 2, 4],
  timeDeltas: [500, 1_000, 2_000, 1_500],
}

const short = (stacks: Iterable<ReturnType<typeof cpuStacks> extends Iterable<infer One> ? One : never>): unknown[] =>
  [...stacks].map(({ frames, line, samples, value }) => [
    frames.map((one) => one.functionName).join(' < '),
    line,
    samples,
    value,
  ])

test('a sample counts until the next one, the last one until the end, and waiting not at all', () => {
  expect(short(cpuStacks(cpu))).toEqual([
    ['outer', 0, 1, 1_000_000],
    // 2000 µs from the second sample on, 2000 µs from the last one to the end: three quarters on line 12.
    ['inner < outer', 12, 2, 3_000_000],
    ['inner < outer', 14, 1, 1_000_000],
  ])
})

test('samples whose clocks are in the wrong order count nothing, instead of less than nothing', () => {
  const [stack] = cpuStacks({ ...cpu, samples: [3, 3, 2], timeDeltas: [0, -400, 100] })
  expect(stack!.value).toBe(100_000)
})

test('a last sample that the bound made the last does not stand for all that followed', () => {
  const [stack] = cpuStacks({ ...cpu, samples: [3], timeDeltas: [0], endTime: 60_000_000 })
  expect(stack!.value).toBe(100_000_000)
})

test('a profile without samples has no stacks', () => {
  expect([...cpuStacks({ nodes: cpu.nodes, startTime: 0, endTime: 1 })]).toEqual([])
})

test('bytes belong to the function that allocated them, below those that called it', () => {
  const heap: HeapProfile = {
    head: {
      id: 1,
      callFrame: frame('(root)'),
      selfSize: 0,
      children: [
        {
          id: 2,
          callFrame: frame('outer'),
          selfSize: 0,
          children: [{ id: 3, callFrame: frame('inner'), selfSize: 4_096, children: [] }],
        },
      ],
    },
    samples: [
      { size: 2_048, nodeId: 3 },
      { size: 2_048, nodeId: 3 },
    ],
  }
  expect(short(heapStacks(heap))).toEqual([['inner < outer', 0, 2, 4_096]])
})
