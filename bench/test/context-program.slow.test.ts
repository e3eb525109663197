import { join } from 'node:path'
import { expect, test } from 'vitest'
import { context } from '../scenarios/05-context.scenario.ts'
import { repositoryRoot } from '../src/paths.ts'
import { type Round, runRound } from '../src/round.ts'

const load = (): never => {
  throw new Error('a program is not loaded')
}

/** From its source: what the bench runs is compiled from this file. */
function round(kind: string): Promise<Round> {
  const script = join(repositoryRoot, 'bench/programs/context.ts')
  const command = [process.execPath, '--conditions=@qps/source', script, '--kind', kind]
  const spec = { name: kind, kind: 'ours' as const, command, folder: repositoryRoot }
  const plan = { program: { ...context.program, settings: { awaits: 1 }, warmupS: 0.1, durationS: 0.2 } }
  return runRound(spec, plan, { round: 1, position: 1 }, { load })
}

test.each(['none', 'implicit', 'trace-sampled'])('%s is measured, and the clock agrees', async (kind) => {
  const { findings, measures } = await round(kind)
  expect(findings).toEqual([])
  expect(Object.keys(measures)).toEqual(Object.keys(context.program.gives))
  expect(measures.nsPerOperation).toBeGreaterThan(10)
  expect(measures.nsPerOperation).toBeLessThan(10_000_000)
})

test('what the program does not know is refused', async () => {
  const { findings } = await round('ambient')
  expect(findings).toHaveLength(1)
  expect(findings[0]!.message).toContain('--kind ambient is none of none, explicit')
})
