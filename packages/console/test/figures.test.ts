import { readLadder } from '@qps/console'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { figuresTable, storedResult } from '../src/stage/figures.ts'

let root = ''
const stage = (number: number): string => `0${number}-stage`

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ladder-'))
  for (const number of [1, 2]) {
    mkdirSync(join(root, 'stages', stage(number)), { recursive: true })
    const definition = {
      number,
      slug: stage(number),
      title: `T${number}`,
      best: 'b',
      variants: [
        { name: 'a', summary: '' },
        { name: 'b', summary: '' },
      ],
      scenarios: [stage(number)],
    }
    writeFileSync(join(root, 'stages', stage(number), 'stage.json'), JSON.stringify(definition))
  }
})
afterEach(() => rmSync(root, { recursive: true }))

function store(number: number, text: string): void {
  mkdirSync(join(root, 'bench/results/machine'), { recursive: true })
  writeFileSync(join(root, `bench/results/machine/${stage(number)}.json`), text)
}

const spread = (median: number): object => ({ median, min: median, max: median })
const variant = (name: string, cpu: number): object => ({
  name,
  kind: 'ours',
  summary: { cpuUsPerRequest: spread(cpu), achievedQps: spread(20_000), latencyMsP99: spread(1.5) },
})
const result = (...variants: object[]): string => JSON.stringify({ scenario: 's', variants })

test('the ladder is in order; what was not measured says so', () => {
  expect(readLadder(root).map(({ number }) => number)).toEqual([1, 2])
  expect(figuresTable(readLadder(root), false, root)).toContain('not measured yet')
})

test('figures come from the stored results, the difference from the baseline of the same run', () => {
  store(1, result(variant('b', 40)))
  store(2, result(variant('baseline', 40), variant('b', 10)))
  const lines = figuresTable(readLadder(root), false, root).split('\n')
  expect(lines[2]).toMatch(/1 T1\s+b\s+40\s+20,000\s+1.5 ms\s+40$/)
  expect(lines[3]).toMatch(/2 T2\s+b\s+10\s+20,000\s+1.5 ms\s+10\s+-75 %$/)
})

test('the variants of a stage are compared with the row before', () => {
  store(1, result(variant('a', 40), variant('b', 10)))
  const lines = figuresTable(readLadder(root).slice(0, 1), true, root).split('\n')
  expect(lines[2]).toMatch(/1 T1\s+a\s+40\s+20,000\s+1.5 ms\s+40$/)
  expect(lines[3]).toMatch(/1 T1\s+b\s+10\s+20,000\s+1.5 ms\s+10\s+-75 %$/)
})

test('a figure that is void is left out', () => {
  store(1, result({ ...variant('b', 40), void: { latencyMsP99: 'the generator was late' } }))
  expect(figuresTable(readLadder(root), false, root).split('\n')[2]).toMatch(/1 T1\s+b\s+40\s+20,000\s+40$/)
})

test('a file that is no result is passed over', () => {
  store(1, '{"half":')
  expect(storedResult(stage(1), root)).toBeUndefined()
})
