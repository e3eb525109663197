import { expect, test } from 'vitest'
import { scenarios } from '../scenarios/index.ts'
import type { Scenario } from '../src/scenario.ts'
import { selectScenarios } from '../src/select.ts'
import { inputsText, type Point, pointsOf } from '../src/sweep.ts'
import { thrownBy } from './thrown.ts'

const names = ['01-minimal-server', '05-shared-map', '05-pools']
const all = names.map((name) => ({ ...scenarios[0]!, name }) satisfies Scenario)

test('a scenario is named in full, a chapter by its two digits, and each comes once', () => {
  expect(selectScenarios(['05', '01-minimal-server', '05-pools'], all).map(({ name }) => name)).toEqual([
    '05-shared-map',
    '05-pools',
    '01-minimal-server',
  ])
})

test.each([
  ['01-minimal-servr', '01-minimal-server'],
  ['minimal-server', '01-minimal-server'],
  ['05-share-map', '05-shared-map'],
])('%s is answered with %s', async (name, near) => {
  const error = await thrownBy(() => selectScenarios([name], all))
  expect(error.code).toBe('QPS_UNKNOWN_SCENARIO')
  expect(error.message).toContain(JSON.stringify(name))
  expect(error.hint).toBe(`did you mean ${JSON.stringify(near)}?`)
})

test.each(['', '0', '5', 'nothing-like-it-at-all', '../..'])('%j is answered with the list', async (name) => {
  expect((await thrownBy(() => selectScenarios([name], all))).hint).toContain('choose one of 01-minimal-server')
})

test('every scenario is well-formed: its expectations and first arm name what exists', () => {
  for (const scenario of scenarios) {
    const { name, variants, expectations, decidedBy, peers } = scenario
    expect(name).toMatch(/^\d\d-[a-z0-9-]+$/)
    const points = pointsOf(scenario)
    const arms = [...variants.map((variant) => variant.name), ...peers]
    const [measured = []] = points.map(measuresOf)
    for (const point of points) {
      expect(measuresOf(point), `${name}: points of a sweep give the same measures`).toEqual(measured)
      expect(Object.keys(point.inputs)).toEqual(Object.keys(points[0].inputs))
    }
    expect(new Set(points.map(({ inputs }) => inputsText(inputs))).size, `${name}: inputs differ`).toBe(points.length)
    expect(new Set(measured).size, `${name}: two phases give the same measure`).toBe(measured.length)
    expect(measured).toContain(decidedBy)
    for (const expectation of expectations) {
      const named = 'versus' in expectation ? [expectation.variant, expectation.versus] : [expectation.variant]
      expect(arms).toEqual(expect.arrayContaining(named))
      expect(measured).toContain(expectation.measure)
      const at = [expectation.at, 'versusAt' in expectation ? expectation.versusAt : undefined]
      for (const inputs of at.filter((given) => given !== undefined)) {
        expect(points.map((point) => inputsText(point.inputs))).toContain(inputsText(inputs))
      }
    }
  }
})

const servers = scenarios.filter((scenario) => scenario.program === undefined)

test('a scenario that calls a measure a lower bound asks nothing else of it', () => {
  for (const { lowerBounds = {}, expectations } of servers) {
    for (const measure of Object.keys(lowerBounds)) {
      const asked = expectations.filter((expectation) => expectation.measure === measure)
      expect(asked.length).toBeGreaterThan(0)
      for (const expectation of asked) expect(expectation).toHaveProperty('atLeast')
    }
  }
})

test('a scenario whose requests are pipelined says so where it is shown', () => {
  for (const { phases, question, method } of servers) {
    if (phases.every(({ pipeline = 1 }) => pipeline === 1)) continue
    for (const text of [question, method]) expect(text).toMatch(/pipelined/i)
  }
})

function measuresOf({ phases, idle, program }: Point): string[] {
  return [...phases, ...(idle ? [idle] : []), ...(program ? [program] : [])].flatMap(({ gives }) => Object.keys(gives))
}
