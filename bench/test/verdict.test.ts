import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Finding } from '../src/gates.ts'
import type { Measure } from '../src/measures.ts'
import type { Expectation } from '../src/scenario.ts'
import { type Evidence, judge, judgeOne } from '../src/verdict.ts'

const measure: Measure = 'cpuUsPerRequest'
const base = { claim: '9.9', says: 'it is so', measure, variant: 'fast' }

function evidence(
  medians: Record<string, number>,
  floor: number | undefined = 0.05,
  voided: Record<string, Finding[]> = {},
): Evidence {
  return {
    median: (variant) => medians[variant],
    voidedBy: (variant) => voided[variant] ?? [],
    noiseFloor: () => floor,
  }
}

function finding(gate: string): Finding {
  return { gate, phase: 'closed', voids: [measure], message: `closed: ${gate}` }
}

test.each<[string, number, object, string]>([
  ['a planted gain', 80, { versus: 'slow', direction: 'lower' }, 'held'],
  ['a planted loss', 120, { versus: 'slow', direction: 'lower' }, 'not-held'],
  ['a difference inside the noise', 96, { versus: 'slow', direction: 'lower' }, 'no-difference'],
  ['no difference at all', 100, { versus: 'slow', direction: 'higher' }, 'no-difference'],
  ['a ratio within its bound', 109, { versus: 'slow', ratioAtMost: 1.1 }, 'held'],
  ['a ratio over its bound by less than the noise', 112, { versus: 'slow', ratioAtMost: 1.1 }, 'no-difference'],
  ['a ratio over its bound', 120, { versus: 'slow', ratioAtMost: 1.1 }, 'not-held'],
  ['a ratio that reaches its lower bound', 1200, { versus: 'slow', ratioAtLeast: 12 }, 'held'],
  ['a ratio under its lower bound by less than the noise', 1150, { versus: 'slow', ratioAtLeast: 12 }, 'no-difference'],
  ['a ratio under its lower bound', 1100, { versus: 'slow', ratioAtLeast: 12 }, 'not-held'],
  ['at least, reached', 100, { atLeast: 100 }, 'held'],
  ['at least, missed', 99, { atLeast: 100 }, 'not-held'],
  ['at most, kept', 100, { atMost: 100 }, 'held'],
  ['at most, passed', 101, { atMost: 100 }, 'not-held'],
])('%s: %d is judged', (_, fast, bound, verdict) => {
  const judged = judgeOne({ ...base, ...bound } as Expectation, evidence({ fast, slow: 100 }))
  expect(judged.verdict).toBe(verdict)
  expect(judged.reason).toContain(`9.9 ${verdict}: it is so (cpuUsPerRequest of fast`)
})

test('an expectation is invalid without its figure, its counterpart, or a noise floor', () => {
  const versus = { ...base, versus: 'slow', direction: 'lower' } as const
  expect(judgeOne(versus, evidence({ slow: 1 })).verdict).toBe('invalid')
  expect(judgeOne(versus, evidence({ fast: 1 })).verdict).toBe('invalid')
  const withoutFloor = { ...evidence({ fast: 1, slow: 2 }), noiseFloor: () => undefined }
  expect(judgeOne(versus, withoutFloor).verdict).toBe('invalid')
})

test('a void figure on either side makes the expectation invalid and says why', () => {
  const versus = { ...base, versus: 'slow', direction: 'lower' } as const
  for (const side of ['fast', 'slow']) {
    const judged = judgeOne(versus, evidence({ fast: 1, slow: 2 }, 0.05, { [side]: [finding('little')] }))
    expect(judged.verdict).toBe('invalid')
    expect(judged.reason).toContain('closed: little')
  }
})

test('a lower bound that was reached stands although the generator was the limit, and only then', () => {
  const atLeast = { ...base, atLeast: 100 }
  const busy = { fast: [finding('generator-busy')] }
  expect(judgeOne(atLeast, evidence({ fast: 150 }, 0, busy)).verdict).toBe('held')
  expect(judgeOne(atLeast, evidence({ fast: 50 }, 0, busy)).verdict).toBe('invalid')
  expect(judgeOne(atLeast, evidence({ fast: 150 }, 0, { fast: [finding('errors')] })).verdict).toBe('invalid')
})

test('a ratio that reaches its lower bound stands although the generator was the limit of the faster one, and only then', () => {
  const ratio = { ...base, versus: 'slow', ratioAtLeast: 2 }
  const busy = (side: string): Record<string, Finding[]> => ({ [side]: [finding('generator-busy')] })
  expect(judgeOne(ratio, evidence({ fast: 3, slow: 1 }, 0, busy('fast'))).verdict).toBe('held')
  expect(judgeOne(ratio, evidence({ fast: 1.9, slow: 1 }, 0.1, busy('fast'))).verdict).toBe('invalid')
  expect(judgeOne(ratio, evidence({ fast: 3, slow: 1 }, 0, busy('slow'))).verdict).toBe('invalid')
  expect(
    judgeOne({ ...base, versus: 'slow', ratioAtMost: 9 }, evidence({ fast: 3, slow: 1 }, 0, busy('fast'))).verdict,
  ).toBe('invalid')
})

test('an expectation compares points of a sweep, and its reason names them', () => {
  const at = (workers: number): object => ({ workers })
  const figures = new Map([
    ['2', 10],
    ['8', 20],
  ])
  const swept: Evidence = {
    median: (_variant, _measure, inputs) => figures.get(String(inputs?.['workers'])),
    voidedBy: () => [],
    noiseFloor: () => 0.05,
  }
  const higher = { ...base, versus: 'fast', direction: 'higher', at: at(8), versusAt: at(2) } as Expectation
  const judged = judgeOne(higher, swept)
  expect(judged.verdict).toBe('held')
  expect(judged.reason).toContain('fast (workers 8) is 2.000 times that of fast (workers 2)')
  expect(judgeOne({ ...higher, versusAt: at(4) } as Expectation, swept).reason).toContain(
    'fast (workers 4) was not measured',
  )
})

test('the worst expectation decides the scenario, and every one gives its reason', () => {
  const held = { ...base, atLeast: 1 }
  const failed = { ...base, atLeast: 1000 }
  const unclear = { ...base, versus: 'slow', direction: 'lower' } as const
  const missing = { ...base, variant: 'nobody', atLeast: 1 }
  const proof = evidence({ fast: 100, slow: 100 })
  expect(judge([held], proof).verdict).toBe('held')
  expect(judge([held, unclear], proof).verdict).toBe('no-difference')
  expect(judge([held, unclear, failed], proof).verdict).toBe('not-held')
  expect(judge([held, unclear, failed, missing], proof).verdict).toBe('invalid')
  expect(judge([held, unclear, failed, missing], proof).reasons).toHaveLength(4)
})

test('whatever the figures, a difference inside the noise floor is never called a gain or a loss', () => {
  const figure = fc.double({ min: 1, max: 1e6, noNaN: true })
  const unit = fc.double({ min: 0, max: 0.99, noNaN: true })
  fc.assert(
    fc.property(figure, unit, fc.double({ min: -1, max: 1, noNaN: true }), (slow, floor, part) => {
      const fast = slow * (1 + floor * part * 0.999)
      const expectation: Expectation = { ...base, versus: 'slow', direction: 'lower' }
      expect(judgeOne(expectation, evidence({ fast, slow }, floor)).verdict).toBe('no-difference')
    }),
  )
})
