import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tasks } from '../programs/bytes-work.ts'
import { bytes } from '../scenarios/04-bytes.scenario.ts'
import { pool } from '../scenarios/04-pool.scenario.ts'
import { repositoryRoot } from '../src/paths.ts'
import { type Round, runRound } from '../src/round.ts'
import type { Inputs, ProgramScenario } from '../src/scenario.ts'

const load = (): never => {
  throw new Error('a program is not loaded')
}

/** From its source: what the bench runs is compiled from this file. */
function round(scenario: ProgramScenario, program: string, options: string[], inputs: Inputs): Promise<Round> {
  const script = join(repositoryRoot, 'bench/programs', `${program}.ts`)
  const command = [process.execPath, '--conditions=@qps/source', script, ...options]
  const spec = { name: program, kind: 'ours' as const, command, folder: repositoryRoot }
  const settings = { ...scenario.program.settings, ...inputs }
  const plan = { program: { ...scenario.program, settings, warmupS: 0.1, durationS: 0.3 } }
  return runRound(spec, plan, { round: 1, position: 1 }, { load })
}

test.each([
  ['plain', { thing: 'object', size: 16 }],
  ['pool', { thing: 'object', size: 16 }],
  ['pool-development', { thing: 'object', size: 16 }],
  ['plain', { thing: 'buffer', size: 65_536 }],
  ['pool', { thing: 'buffer', size: 65_536 }],
  ['pool-development', { thing: 'buffer', size: 65_536 }],
])('04-pool: %s of %j is measured, and the clock agrees', async (kind, inputs) => {
  const { findings, measures } = await round(pool, 'pool', ['--kind', kind], inputs)
  expect(findings).toEqual([])
  expect(Object.keys(measures)).toEqual(Object.keys(pool.program.gives))
  expect(measures.nsPerOperation).toBeGreaterThan(0.5)
  expect(measures.nsPerOperation).toBeLessThan(100_000_000)
  // Sixteen fields of eight bytes, and three words before them.
  if (kind === 'plain' && inputs.thing === 'object') expect(measures.bytesPerOperation).toBeGreaterThan(16 * 8)
  if (kind === 'pool') expect(measures.bytesPerOperation).toBeLessThan(8)
})

test.each(tasks)('04-bytes: both ways of %s', async (task) => {
  for (const way of ['strings', 'bytes']) {
    const { findings, measures } = await round(bytes, 'bytes', ['--way', way], { task })
    expect(findings).toEqual([])
    expect(Object.keys(measures)).toEqual(Object.keys(bytes.program.gives))
    expect(measures.nsPerOperation).toBeGreaterThan(1)
    if (way === 'bytes' && task === 'number') expect(measures.bytesPerOperation).toBeLessThan(1)
  }
})

test.each<[ProgramScenario, string, string[], Inputs, string]>([
  [pool, 'pool', ['--kind', 'puddle'], { thing: 'object', size: 4 }, '--kind puddle is none of plain, pool'],
  [bytes, 'bytes', ['--way', 'bytes'], { task: 'rhymes' }, '--task rhymes is none of head'],
  [bytes, 'bytes', ['--way', 'bits'], { task: 'head' }, '--way bits is none of strings, bytes'],
])('%# what a program does not know is refused', async (scenario, program, options, inputs, why) => {
  const { findings } = await round(scenario, program, options, inputs)
  expect(findings).toHaveLength(1)
  expect(findings[0]!.message).toContain(why)
})
