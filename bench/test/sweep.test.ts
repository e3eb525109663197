import { expect, test } from 'vitest'
import { parseResults } from '../src/results.ts'
import { resultsTable } from '../src/report.ts'
import type { Scenario } from '../src/scenario.ts'
import { inputsText, pointsOf } from '../src/sweep.ts'
import { fixtureScenario, fixtureVariant, shortPhases } from './fixture-scenario.ts'
import { sampleResults, sampleVariant } from './sample.ts'
import { thrownBy } from './thrown.ts'

function sweptScenario(sweep: Scenario['sweep']): Scenario {
  return fixtureScenario({ variants: [fixtureVariant('lean')], ...(sweep && { sweep }) })
}

test('a scenario without a sweep is one point without inputs', () => {
  const [point, ...others] = pointsOf(fixtureScenario())
  expect(others).toEqual([])
  expect(point).toMatchObject({ inputs: {}, phases: shortPhases, idle: undefined })
})

test('the first point is the headline unless one says so, and the others keep their order', () => {
  const inputs = (sweep: Scenario['sweep']): unknown[] => pointsOf(sweptScenario(sweep)).map((point) => point.inputs)
  const three = [1, 2, 4].map((workers) => ({ inputs: { workers } }))
  expect(inputs(three)).toEqual([{ workers: 1 }, { workers: 2 }, { workers: 4 }])
  expect(inputs(three.map((point) => ({ ...point, headline: point.inputs.workers === 2 })))).toEqual([
    { workers: 2 },
    { workers: 1 },
    { workers: 4 },
  ])
})

test('a point changes arguments and loads, and nothing else', () => {
  const phases = shortPhases.slice(0, 1)
  const [first, second] = pointsOf(sweptScenario([{ inputs: { a: 1 } }, { inputs: { a: 2 }, args: ['--a'], phases }]))
  expect(second!.variants[0]!.command).toEqual([...first.variants[0]!.command, '--a'])
  expect(second!.phases).toEqual(phases)
  expect(first.phases).toEqual(shortPhases)
})

test('inputs in words do not depend on the order of their keys', () => {
  expect(inputsText({ threads: 2, reads: 0.9 })).toBe('reads 0.9, threads 2')
  expect(inputsText({ reads: 0.9, threads: 2 })).toBe('reads 0.9, threads 2')
  expect(inputsText({})).toBe('')
})

const swept = sampleResults({
  inputs: { workers: 2 },
  variants: [sampleVariant('cluster', 40)],
  sweeps: [{ inputs: { workers: 8 }, phases: [], variants: [sampleVariant('cluster', 60)] }],
})

test('the table has a row per arm and input, compared with the headline', () => {
  const { columns, rows } = resultsTable(swept)
  expect(columns.map(({ title }) => title).slice(0, 5)).toEqual([
    'variant',
    'workers',
    'CPU µs/request',
    'min to max',
    'against cluster 2',
  ])
  expect(rows.map((row) => row.slice(0, 5))).toEqual([
    ['cluster', '2', '40', '39 to 41', ''],
    ['cluster', '8', '60', '59 to 61', '× 1.5'],
  ])
})

test('a table ranks by the measure that decides', () => {
  const spread = { median: 2048, min: 1024, max: 4096 }
  const variant = { ...sampleVariant('io_uring', 7), summary: { bytesPerConnection: spread } }
  const { columns, rows } = resultsTable(sampleResults({ decidedBy: 'bytesPerConnection', variants: [variant] }))
  expect(columns.map(({ title }) => title)).toEqual(['variant', 'bytes/connection', 'min to max', 'against io_uring'])
  expect(rows).toEqual([['io_uring', '2 KiB', '1 KiB to 4 KiB', '']])
})

test('a stored sweep is read back, and a broken one is refused by its place', async () => {
  expect(parseResults(JSON.stringify(swept), 'x.json')).toEqual(swept)
  const broken = JSON.stringify(swept).replace('"inputs":{"workers":8}', '"inputs":8')
  expect((await thrownBy(() => parseResults(broken, 'x.json'))).message).toContain('sweeps[0].inputs must be an object')
})
