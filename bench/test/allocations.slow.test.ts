import { runLoadProcess } from '@qps/loadgen'
import { describe, expect, test } from 'vitest'
import { allocations } from '../scenarios/04-allocations.scenario.ts'
import { layers } from '../scenarios/04-layers.scenario.ts'
import { ownArms } from '../src/run-scenario.ts'
import { type Round, runRound } from '../src/round.ts'
import type { Phase, ServerScenario } from '../src/scenario.ts'

/** The first load of a scenario in short, on the sources of a stage instead of what is compiled. */
function round(scenario: ServerScenario, variant: string, changes: Partial<Phase> = {}): Promise<Round> {
  const arm = ownArms(scenario).find(({ name }) => name === variant)!
  const command = arm.command.flatMap((word) =>
    word === process.execPath ? [word, '--conditions=@qps/source'] : word.replace(/\/dist\/(\w+)\.js$/, '/src/$1.ts'),
  )
  const phases = [{ ...scenario.phases[0]!, warmupS: 0.7, durationS: 0.5, connections: 16, ...changes }]
  const plan = { answer: scenario.answer, phases }
  return runRound({ ...arm, command }, plan, { round: 1, position: 1 }, { load: runLoadProcess })
}

const fatal = ({ findings }: Round): string[] =>
  findings.flatMap(({ gate, message }) => (['failed', 'end', 'errors', 'status'].includes(gate) ? [message] : []))

describe('04-allocations', () => {
  test('its arms give the right answer and their figures, and each next one allocates less', async () => {
    const seen: number[] = []
    for (const variant of ['naive', 'pooled', 'zero']) {
      const result = await round(allocations, variant)
      expect(fatal(result), variant).toEqual([])
      const { bytesPerRequest, scavengesPerMillion, markCompactsPerMillion, externalBytes } = result.measures
      expect(scavengesPerMillion).toBeGreaterThanOrEqual(0)
      expect(markCompactsPerMillion).toBeGreaterThanOrEqual(0)
      expect(externalBytes).toBeGreaterThan(0)
      seen.push(bytesPerRequest!)
    }
    expect(seen).toEqual(seen.toSorted((left, right) => right - left))
    expect(seen[1]).toBeLessThan(seen[0]! / 2)
  })

  test('once warm, pooled holds what it held thousands of requests before', async () => {
    const { measures, phases } = await round(allocations, 'pooled', { warmupS: 1.5, durationS: 1.2, pipeline: 16 })
    expect(phases[0]!.load.requests).toBeGreaterThan(8_000)
    // An answer that were kept per request would be more.
    expect(measures.residentGrowthBytes).toBeLessThan(16 * 1024 * 1024)
  })
})

test('04-layers: node:http allocates for each request, the engine nearly nothing', async () => {
  const [stock, engine] = [await round(layers, 'minimal'), await round(layers, 'epoll')]
  expect([...fatal(stock), ...fatal(engine)]).toEqual([])
  expect(stock.measures.bytesPerRequest).toBeGreaterThan(1000)
  expect(engine.measures.bytesPerRequest).toBeLessThan(stock.measures.bytesPerRequest! / 2)
  // Nobody watches the collector of the first.
  expect(stock.measures.scavengesPerMillion).toBeUndefined()
  expect(engine.measures.scavengesPerMillion).toBeGreaterThanOrEqual(0)
})
