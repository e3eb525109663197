import { expect, test } from 'vitest'
import { programPhysics } from '../src/gates.ts'
import { programMark } from '../src/program-mark.ts'
import { type ProgramRecord, programSeconds, readProgram } from '../src/program-run.ts'
import type { ProgramPlan, ProgramReading } from '../src/scenario.ts'
import { pointsOf } from '../src/sweep.ts'
import { scenarios } from '../scenarios/index.ts'

const told = { event: 'measured', requests: 10, errors: 0, elapsedS: 2, figures: { hitRatio: 0.5 } }
const record: ProgramRecord = {
  requests: 10,
  errors: 0,
  elapsedS: 2,
  seenS: 2.05,
  cpuUs: 500,
  residentBytes: 4096,
  figures: { hitRatio: 0.5 },
}
const gives: ProgramPlan['gives'] = { clientCpuUsPerRequest: 'cpuUsPerRequest', achievedQps: 'achievedQps' }

test('a program says when it begins and what it did, and may say other things between', () => {
  expect(programMark('{"event":"measuring"}')?.event).toBe('measuring')
  expect(programMark(JSON.stringify(told))).toEqual(told)
  const { figures: _, ...bare } = told
  expect(programMark(JSON.stringify(bare))?.figures).toEqual({})
  for (const line of ['', 'warming up', '{"event":"starting"}', '{broken', '[1]']) {
    expect(programMark(line)).toBeUndefined()
  }
})

test.each([
  [{ requests: 'many' }, /^requests of its measured event must be a number of at least 0, not "many"/],
  [{ errors: undefined }, /^errors of/],
  [{ elapsedS: -1 }, /^elapsedS of/],
  [{ figures: { hitRatio: null } }, /^hitRatio of/],
])('figures that are none are refused: %j', (changes, message) => {
  expect(() => programMark(JSON.stringify({ ...told, ...changes }))).toThrow(message)
})

test('each reading is taken from where it says; a figure that was not printed is none', () => {
  const read = (reading: ProgramReading): number => readProgram(reading, record)
  expect([read('cpuUsPerRequest'), read('achievedQps'), read('residentBytes')]).toEqual([50, 5, 4096])
  expect([read('figures.hitRatio'), read('figures.other')]).toEqual([0.5, NaN])
})

test.each([
  ['sound', {}, []],
  ['nothing done', { requests: 0 }, ['no-requests']],
  ['errors', { errors: 1 }, ['errors']],
  ['a clock of its own', { elapsedS: 1 }, ['clock']],
  ['a mark that was read late', { elapsedS: 1.95 }, []],
])('%s', (_, changes, broken) => {
  const findings = programPhysics({ gives }, { ...record, ...changes })
  expect(findings.map(({ gate }) => gate)).toEqual(broken)
  for (const { voids } of findings) expect(voids).toEqual(Object.keys(gives))
})

test('the inputs of a point are options of every arm, and a bar counts warm-up and measured time', () => {
  const { program, ...rest } = scenarios.find(({ name }) => name === '02-client')!
  expect(pointsOf({ ...rest, program: program! }).map((point) => point.program!.settings)).toEqual([
    { connections: 64, parts: 2, pipeline: 1 },
    { connections: 64, parts: 2, pipeline: 16 },
  ])
  expect(programSeconds({ settings: {}, warmupS: 2, durationS: 5, gives })).toBe(7)
  expect(programSeconds({ settings: {}, warmupS: 2, durationS: 5, gives }, 0.5)).toBe(1)
})
