import { runLoadProcess } from '@qps/loadgen'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { climb, ladderPhases, rungEvent, rungTable } from '../src/ladder.ts'
import { repositoryRoot } from '../src/paths.ts'
import { parseResults, type Results } from '../src/results.ts'
import { readResults, saveResults } from '../src/results-file.ts'
import { runRound } from '../src/round.ts'
import { runScenario } from '../src/run-scenario.ts'
import { runSelected } from '../src/run-selected.ts'
import type { Scenario } from '../src/scenario.ts'
import { fixtureArm, fixtureScenario, fixtureVariant, rightAnswer, shortPhases } from './fixture-scenario.ts'
import { thrownBy } from './thrown.ts'

const run = (scenario: Scenario, rounds = 1): Promise<Results> =>
  runScenario(scenario, { rounds, load: runLoadProcess })

test('a tiny experiment gives the JSON of the contract, finds the planted difference, and survives the disk', async () => {
  const results = await run(fixtureScenario())
  expect(results).toMatchObject({
    schema: 1,
    scenario: '00-fixture',
    claims: ['0.0'],
    commit: expect.stringMatching(/^[0-9a-f]{40}$|^unknown$/),
    machine: { node: process.version },
    parameters: { rounds: 1 },
    noiseFloor: expect.any(Number),
    reasons: expect.any(Array),
  })
  expect(['held', 'invalid', 'no-difference']).toContain(results.verdict)
  expect(results.variants.map(({ name, kind }) => [name, kind])).toEqual([
    ['lean', 'ours'],
    ['wasteful', 'ours'],
  ])
  for (const { rounds, summary, responseBytes } of results.variants) {
    expect(rounds).toHaveLength(1)
    expect(rounds[0]!.phases.map(({ name }) => name)).toEqual(['closed', 'paced'])
    expect(responseBytes).toBeGreaterThan(100)
    for (const measure of [
      'cpuUsPerRequest',
      'generatorCpuUsPerRequest',
      'achievedQps',
      'latencyMsP50',
      'latencyMsP99',
      'latencyMsP999',
      'pacedCpuUsPerRequest',
      'residentBytes',
    ] as const) {
      const { median, min, max } = summary[measure]!
      expect(median).toBeGreaterThan(0)
      expect(min).toBeLessThanOrEqual(median)
      expect(max).toBeGreaterThanOrEqual(median)
    }
  }
  const [lean, wasteful] = results.variants
  expect(wasteful!.summary.cpuUsPerRequest!.median).toBeGreaterThan(2 * lean!.summary.cpuUsPerRequest!.median)
  const folder = mkdtempSync(join(tmpdir(), 'qps-bench-'))
  try {
    expect(readResults(saveResults(results, folder))).toEqual(JSON.parse(JSON.stringify(results)))
  } finally {
    rmSync(folder, { recursive: true })
  }
  expect(parseResults(JSON.stringify(results), 'memory').scenario).toBe('00-fixture')
})

test('every round starts fresh processes and the order alternates', async () => {
  const phases = shortPhases.slice(0, 1).map((phase) => ({ ...phase, durationS: 0.2, warmupS: 0 }))
  const { variants, noise } = await run(fixtureScenario({ phases }), 2)
  const positions = (rounds: { position: number }[]): number[] => rounds.map(({ position }) => position)
  expect(positions(variants[0]!.rounds)).toEqual([1, 3])
  expect(positions(noise.rounds)).toEqual([2, 2])
  expect(positions(variants[1]!.rounds)).toEqual([3, 1])
  const urls = variants.flatMap(({ rounds }) => rounds.map((round) => round.phases[0]!.load.url))
  expect(new Set(urls).size).toBe(4)
})

test('a sweep runs every arm at every point, keeps the headline apart, and compares across points', async () => {
  const phases = shortPhases.slice(0, 1)
  const scenario = fixtureScenario({
    phases,
    variants: [fixtureVariant('server')],
    sweep: [
      { inputs: { work: 0 } },
      { inputs: { work: 200_000 }, args: ['--work', '200000'] },
      { inputs: { work: 1 }, phases: phases.map((phase) => ({ ...phase, pipeline: 4 })), headline: true },
    ],
    expectations: [
      {
        claim: '0.0',
        says: 'work costs',
        measure: 'cpuUsPerRequest',
        variant: 'server',
        at: { work: 200_000 },
        versus: 'server',
        versusAt: { work: 0 },
        direction: 'higher',
      },
    ],
  })
  const results = await run(scenario)
  expect(results.inputs).toEqual({ work: 1 })
  expect(results.parameters.phases[0]).toMatchObject({ pipeline: 4 })
  expect(results.sweeps!.map(({ inputs, variants }) => [inputs['work'], variants.length])).toEqual([
    [0, 1],
    [200_000, 1],
  ])
  const [light, heavy] = results.sweeps!.map(({ variants }) => variants[0]!.summary.cpuUsPerRequest!.median)
  expect(heavy).toBeGreaterThan(2 * light!)
  expect(results.reasons[0]).toContain('of server (work 200000) is')
  expect(parseResults(JSON.stringify(results), 'memory').sweeps).toHaveLength(2)
})

test.skipIf(process.platform !== 'linux')('a round tells context switches and what idle connections cost', async () => {
  const closed = shortPhases[0]!
  const phases = [
    { ...closed, gives: { ...closed.gives, voluntarySwitchesPerRequest: 'voluntarySwitchesPerRequest' } as const },
  ]
  const idle = {
    connections: 300,
    connectionsPerAddress: 100,
    settleS: 0.2,
    durationS: 0.5,
    gives: { bytesPerConnection: 'bytesPerConnection', idleCpuRatio: 'idleCpuRatio' },
  } as const
  const round = await runRound(
    fixtureArm('lean'),
    { answer: rightAnswer, phases, idle },
    { round: 1, position: 1 },
    { load: runLoadProcess },
  )
  expect(round.findings.filter(({ gate }) => gate.startsWith('idle') || gate === 'failed')).toEqual([])
  expect(round.idle).toMatchObject({ answered: 300, lost: 0 })
  expect(round.measures.voluntarySwitchesPerRequest).toBeGreaterThan(0)
  expect(round.measures.idleCpuRatio).toBeLessThan(0.5)
  expect(Math.abs(round.measures.bytesPerConnection!)).toBeLessThan(1024 * 1024)
})

test('a generator at its limit leaves a lower bound standing, and the reasons say so', async () => {
  const busyLoad: typeof runLoadProcess = async (options) => ({
    ...(await runLoadProcess(options)),
    generatorBusy: 1,
    littleRatio: 1,
  })
  const scenario = fixtureScenario({
    phases: shortPhases.slice(0, 1),
    variants: [fixtureVariant('lean')],
    expectations: [{ claim: '0.0', says: 'some', measure: 'achievedQps', variant: 'lean', atLeast: 10 }],
    lowerBounds: { achievedQps: 'it could be more' },
  })
  const { verdict, reasons, variants } = await runScenario(scenario, { rounds: 1, load: busyLoad })
  expect(variants[0]!.void).toEqual({})
  expect(verdict).toBe('held')
  expect(reasons).toContain(
    'achievedQps of lean is a lower bound, the generator was the limit in 1 of 1 rounds: it could be more',
  )
})

test('an arm that answers a whole read once is refused where requests are pipelined', async () => {
  const phases = shortPhases.slice(0, 1)
  const lazy = fixtureScenario({ variants: [fixtureVariant('lazy', '--as', 'lazy')] })
  const deep = { ...lazy, phases: phases.map((phase) => ({ ...phase, pipeline: 2 })) }
  expect((await thrownBy(() => run(deep))).message).toMatch(/^lazy answers 32 pipelined requests wrongly/)
})

test('several scenarios give a line of JSON each, in their order, and a failure keeps the lines before it', async () => {
  const phases = shortPhases.slice(0, 1).map((phase) => ({ ...phase, durationS: 0.2, warmupS: 0 }))
  const named = (name: string, ...options: string[]): Scenario =>
    fixtureScenario({ name, phases, variants: [fixtureVariant('lean', ...options)], expectations: [] })
  const printed: string[] = []
  const options = {
    rounds: 1,
    load: runLoadProcess,
    save: false,
    json: true,
    print: (text: string) => printed.push(text),
  }
  const selected = [named('00-second'), named('00-first'), named('00-broken', '--as', 'dying')]
  expect((await thrownBy(() => runSelected(selected, options))).code).toBe('QPS_ARM_FAILED')
  expect(printed.map((text) => text.split('\n').length)).toEqual([2, 2])
  expect(printed.map((text) => parseResults(text, 'stdout').scenario)).toEqual(['00-second', '00-first'])
})

test('an arm that answers with one more header field than the first is refused before anything is timed', async () => {
  const variants = [fixtureVariant('lean'), fixtureVariant('chatty', '--as', 'chatty')]
  const error = await thrownBy(() => run(fixtureScenario({ variants })))
  expect(error.code).toBe('QPS_WRONG_ANSWER')
  expect(error.message).toMatch(/^chatty answers other bytes than lean: line \d is "x-extra: 1"/)
})

test('a variant of ours that dies at start stops the run; no process is left behind', async () => {
  const variants = [fixtureVariant('lean'), fixtureVariant('doomed', '--as', 'dying')]
  const error = await thrownBy(() => run(fixtureScenario({ variants })))
  expect(error.code).toBe('QPS_ARM_FAILED')
  expect(error.message).toContain('the disk is full')
})

test('an arm that fails in a round is a finding that voids the round, not the end of the run', async () => {
  const phases = shortPhases.slice(0, 1)
  const at = { round: 1, position: 1 }
  const round = await runRound(fixtureArm('bad', '--as', 'crashing'), { answer: rightAnswer, phases }, at, {
    load: runLoadProcess,
  })
  expect(round.measures).toEqual({})
  expect(round.findings).toMatchObject([{ gate: 'failed', message: expect.stringContaining('the handler is broken') }])
  expect(round.findings[0]!.voids).toEqual(Object.keys(phases[0]!.gives))
})

test('a paced rate that no server holds makes its figures void and the verdict invalid', async () => {
  const phases = shortPhases.flatMap((phase) => (phase.rateQps === undefined ? [] : [{ ...phase, rateQps: 20_000 }]))
  const expectations: Scenario['expectations'] = [
    { claim: '0.0', says: 'fast', measure: 'latencyMsP99', variant: 'wasteful', atMost: 1000 },
  ]
  const only = [fixtureVariant('wasteful', '--work', '200000')]
  const { verdict, reasons, variants } = await run(fixtureScenario({ phases, expectations, variants: only }))
  expect(verdict).toBe('invalid')
  expect(variants[0]!.void.latencyMsP99).toContain('the paced rate was not held')
  expect(reasons.join()).toMatch(/latencyMsP99, .* of wasteful are void/)
})

test('an interruption ends the round and its processes', async () => {
  const signal = AbortSignal.timeout(400)
  const started = performance.now()
  const phases = shortPhases.map((phase) => ({ ...phase, durationS: 30 }))
  await expect(
    runRound(
      fixtureArm('lean'),
      { answer: rightAnswer, phases },
      { round: 1, position: 1 },
      { signal, load: runLoadProcess },
    ),
  ).rejects.toThrow(/timeout/i)
  expect(performance.now() - started).toBeLessThan(10_000)
})

test('the ladder has a row and an event per stage, and a stage that fails says why', async () => {
  const stage = {
    number: 9,
    slug: '99-none',
    title: 'None',
    best: 'none',
    variants: [],
    scenarios: [],
    folder: '99-none',
  }
  const rung = await climb(stage, { seconds: 0.2, load: runLoadProcess })
  expect(rungEvent(rung)).toMatchObject({ event: 'measured', stage: 9, valid: false, coresFor1M: null })
  expect(rungTable([rung]).rows[0]!.slice(0, 3)).toEqual(['9 None', 'none', '– †'])
  expect(ladderPhases.map(({ name }) => name)).toEqual(['closed', 'paced'])
})

function command(file: string, ...parameters: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = join(repositoryRoot, 'bench', 'src', file)
  return spawnSync(process.execPath, ['--conditions=@qps/source', main, ...parameters], { encoding: 'utf8' })
}

test('an unknown scenario is one line with the nearest name, exit code 2', () => {
  const { status, stderr, stdout } = command('main.ts', '01-minimal-servr')
  expect(status).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^QPS_UNKNOWN_SCENARIO: .*"01-minimal-servr"; did you mean "01-minimal-server"\?\n$/)
})

test('with --json an error is an event on standard output', () => {
  const { status, stdout } = command('main.ts', 'nothing', '--json')
  expect(status).toBe(2)
  expect(JSON.parse(stdout)).toMatchObject({ event: 'error', code: 'QPS_UNKNOWN_SCENARIO' })
})

test.each([
  ['main.ts', ['01-minimal-server', '--rounds', '0'], /--rounds must be a whole number from 1 to 100/],
  ['main.ts', ['01-minimal-server', '--round', '1'], /did you mean "--rounds"/],
  ['compare.ts', [], /something is missing/],
  ['compare.ts', ['no-such-revision'], /git knows no revision "no-such-revision"/],
  ['compare.ts', ['--upload-pack=x'], /unknown option/],
])('%s %j is refused with exit code 2', (file, parameters, message) => {
  const { status, stderr } = command(file, ...parameters)
  expect(status).toBe(2)
  expect(stderr).toMatch(message)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})

test('without a name the scenarios are listed', () => {
  const { status, stdout } = command('main.ts', '--json')
  expect(status).toBe(0)
  expect(JSON.parse(stdout)[0]).toMatchObject({ name: '01-minimal-server', claims: ['1.1', '1.3', '1.7'] })
  expect(JSON.parse(stdout).map(({ name }: { name: string }) => name)).toContain('02-http-small')
})
