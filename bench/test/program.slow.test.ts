import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseResults } from '../src/results.ts'
import { runRound } from '../src/round.ts'
import { runScenario } from '../src/run-scenario.ts'
import type { ProgramScenario, Target, Variant } from '../src/scenario.ts'
import { fixtureVariant, rightAnswer } from './fixture-scenario.ts'
import { thrownBy } from './thrown.ts'

const program = join(import.meta.dirname, 'fixtures', 'program.mjs')
const variant = (name: string, ...options: string[]): Variant => ({ name, command: ['{node}', program, ...options] })
const load = (): never => {
  throw new Error('a program is not loaded')
}
// Without a compiler the server in C cannot be built: the other target is taken.
process.env['PATH'] = ''
const target: Target = { peer: 'c-epoll', otherwise: fixtureVariant('target'), answer: rightAnswer }

function scenario(changes: Partial<ProgramScenario> = {}): ProgramScenario {
  return {
    name: '00-program',
    question: 'Is a planted difference found?',
    claims: ['0.0'],
    method: 'two programs of a few lines',
    program: {
      settings: {},
      target,
      warmupS: 0,
      durationS: 0.5,
      gives: { clientCpuUsPerRequest: 'cpuUsPerRequest', achievedQps: 'achievedQps', resets: 'figures.depth' },
    },
    variants: [variant('lean'), variant('wasteful', '--work', '2000000')],
    peers: [],
    decidedBy: 'clientCpuUsPerRequest',
    expectations: [],
    ...changes,
  }
}

const alone = (...options: string[]): ReturnType<typeof runRound> => {
  const { settings, warmupS, gives } = scenario().program
  const spec = { name: 'alone', kind: 'ours', command: [process.execPath, program, ...options], folder: '/' } as const
  const plan = { program: { settings, warmupS, durationS: 0.3, gives } }
  return runRound(spec, plan, { round: 1, position: 1 }, { load })
}

test('programs are run like servers: twin, sweep, target, CPU from the operating system', async () => {
  const results = await runScenario(scenario({ sweep: [{ inputs: { depth: 1 } }, { inputs: { depth: 4 } }] }), {
    rounds: 1,
    load,
  })
  const [lean, wasteful] = results.variants
  expect(lean!.rounds[0]!.findings).toEqual([])
  expect(lean!.rounds[0]!.program).toMatchObject({ target: 'target', errors: 0 })
  expect(lean!.summary.achievedQps!.median).toBeGreaterThan(10)
  const cpuOf = (arm: typeof lean): number => arm!.summary.clientCpuUsPerRequest!.median
  expect(cpuOf(wasteful)).toBeGreaterThan(2 * cpuOf(lean))
  expect(results.noise).toMatchObject({ variant: 'lean' })
  expect(results.noiseFloor).toEqual(expect.any(Number))
  expect(results.parameters.program).toMatchObject({ durationS: 0.5, settings: { depth: 1 } })
  expect([results, ...results.sweeps!].map(({ variants }) => variants[0]!.summary.resets!.median)).toEqual([1, 4])
  expect(parseResults(JSON.stringify(results), 'memory').variants[0]!.responseBytes).toBeUndefined()
})

test.each([
  ['failing', 'errors', '7 requests failed'],
  ['boasting', 'clock', 'it says that'],
  ['idle', 'no-requests', 'no request was answered'],
  ['dying', 'failed', 'the disk is full'],
  ['vague', 'failed', 'requests of its measured event must be a number'],
])('one that is %s voids its round', async (as, gate, message) => {
  const { findings } = await alone('--as', as)
  expect(findings).toMatchObject([{ gate, message: expect.stringContaining(message) }])
  expect(findings[0]!.voids).toEqual(Object.keys(scenario().program.gives))
})

test('one that does not exit cleanly has measured all the same', async () => {
  const { findings, measures } = await alone('--as', 'unclean')
  expect(findings).toMatchObject([{ gate: 'end', voids: [], message: expect.stringContaining('exit code 4') }])
  expect(measures.achievedQps).toBeGreaterThan(10)
})

test('one that fails is refused before anything is timed', async () => {
  const error = await thrownBy(() =>
    runScenario(scenario({ variants: [variant('broken', '--as', 'failing')] }), { rounds: 1, load }),
  )
  expect([error.code, error.message]).toEqual(['QPS_ARM_FAILED', 'broken: 7 requests failed'])
})

test('an interruption ends the program', async () => {
  const { program: plan, variants } = scenario()
  const command = variants[0]!.command.map((word) => (word === '{node}' ? process.execPath : word))
  const spec = { name: 'long', kind: 'ours', command, folder: '/' } as const
  const signal = AbortSignal.timeout(600)
  const started = performance.now()
  const place = { round: 1, position: 1 }
  await expect(runRound(spec, { program: { ...plan, durationS: 30 } }, place, { signal, load })).rejects.toThrow(
    /timeout/i,
  )
  expect(performance.now() - started).toBeLessThan(10_000)
})
