import { expect, test } from 'vitest'
import type { Finding } from '../src/gates.ts'
import { soundValues, summarizeRounds } from '../src/summary.ts'
import { sampleRound } from './sample.ts'

const busy: Finding = {
  gate: 'generator-busy',
  phase: 'closed',
  voids: ['achievedQps'],
  message: 'closed: the generator was the limit: 99 % busy',
}

function rounds(values: number[], unsound: number[]): Parameters<typeof summarizeRounds>[0] {
  return values.map((value, index) =>
    sampleRound({ cpuUsPerRequest: value, achievedQps: value }, unsound.includes(index) ? [busy] : [], index + 1),
  )
}

test('a minority of unsound rounds is left out of the measures that it spoils, and of no other', () => {
  const { summary, void: voided } = summarizeRounds(rounds([10, 11, 12, 13, 99], [4]))
  expect(summary.achievedQps).toEqual({ median: 11.5, min: 10, max: 13 })
  expect(summary.cpuUsPerRequest).toEqual({ median: 12, min: 10, max: 99 })
  expect(voided).toEqual({})
})

test('a measure unsound in half of the rounds is void: shown over all rounds, with the reason and the count', () => {
  const { summary, void: voided, voidedBy } = summarizeRounds(rounds([10, 20, 30, 40], [0, 1]))
  expect(summary.achievedQps).toEqual({ median: 25, min: 10, max: 40 })
  expect(voided).toEqual({ achievedQps: 'closed: the generator was the limit: 99 % busy (2 of 4 rounds)' })
  expect(voidedBy.achievedQps).toHaveLength(2)
})

test('a round that failed gives no value and still counts against the measure', () => {
  const failed = sampleRound({}, [{ gate: 'failed', phase: '', voids: ['cpuUsPerRequest'], message: 'it died' }])
  const { summary, void: voided } = summarizeRounds([failed])
  expect(summary).toEqual({})
  expect(voided.cpuUsPerRequest).toBe('it died (1 of 1 rounds)')
})

test('values keep their round: an unsound one leaves a gap', () => {
  expect(soundValues(rounds([1, 2, 3], [1]), 'achievedQps')).toEqual([1, undefined, 3])
})
