import { join } from 'node:path'
import { runLoadProcess } from '@qps/loadgen'
import { expect, test } from 'vitest'
import type { Round } from '../src/round.ts'
import { runRound } from '../src/round.ts'
import type { Phase } from '../src/scenario.ts'
import { fixtureArm, rightAnswer } from './fixture-scenario.ts'

const program = join(import.meta.dirname, 'fixtures', 'allocating.mjs')
const phase: Phase = {
  name: 'closed',
  connections: 8,
  warmupS: 0.5,
  durationS: 1,
  gives: {
    achievedQps: 'achievedQps',
    bytesPerRequest: 'heapBytesPerRequest',
    scavengesPerMillion: 'scavengesPerMillion',
    markCompactsPerMillion: 'markCompactsPerMillion',
    gcPauseMsP99: 'gcPauseMsP99',
    externalBytes: 'externalBytes',
    residentGrowthBytes: 'residentGrowthBytes',
  },
}

/** What a crowded machine cannot bring about. */
function fatal({ findings }: Pick<Round, 'findings'>): string[] {
  return findings.flatMap(({ gate, message }) =>
    ['failed', 'end', 'errors', 'status'].includes(gate) ? [message] : [],
  )
}

const round = (...options: string[]): Promise<Round> => roundOf(phase, ...options)

function roundOf(load: Phase, ...options: string[]): Promise<Round> {
  const spec = { ...fixtureArm('allocating'), command: [process.execPath, program, ...options] }
  return runRound(spec, { answer: rightAnswer, phases: [load] }, { round: 1, position: 1 }, { load: runLoadProcess })
}

test('bytes that are planted in each request are found, and not much besides', async () => {
  const [plain, planted] = [await round(), await round('--bytes', '20000')]
  expect([...fatal(plain), ...fatal(planted)]).toEqual([])
  const found = planted.measures.bytesPerRequest! - plain.measures.bytesPerRequest!
  expect(found).toBeGreaterThan(19_000)
  // V8's count is an upper bound.
  expect(found).toBeLessThan(32_000)
  expect(planted.measures.scavengesPerMillion!).toBeGreaterThan(2 * plain.measures.scavengesPerMillion!)
  expect(planted.measures.gcPauseMsP99).toBeGreaterThan(0)
  expect(planted.measures.markCompactsPerMillion).toBeGreaterThanOrEqual(0)
})

test('looking is done before and behind the load, and costs little beside it', async () => {
  const { phases } = await round('--bytes', '20000')
  const { memory, load } = phases[0]!
  expect(memory!.lookBytes).toBeGreaterThan(0)
  expect(memory!.lookBytes).toBeLessThan(4 * 1024 * 1024)
  expect(memory!.allocatedBytes).toBeGreaterThan(19_000 * load.requests)
})

test('memory that is kept shows as growth of the resident set and outside of the heap', async () => {
  const paced = { ...phase, rateQps: 100 }
  const { measures, phases, findings } = await roundOf(paced, '--bytes', '200000', '--as', 'growing')
  expect(fatal({ findings })).toEqual([])
  const { requests } = phases[0]!.load
  expect(measures.residentGrowthBytes).toBeGreaterThan(150_000 * requests)
  expect(measures.externalBytes).toBeGreaterThan(190_000 * requests)
})

test.each(['mute', 'portless'])('a server that is %s is measured without those figures', async (as) => {
  const { measures, findings } = await round('--as', as)
  expect(fatal({ findings })).toEqual([])
  expect(Object.keys(measures)).toEqual(['achievedQps', 'residentGrowthBytes'])
})

test('one that does not watch its collector has its bytes all the same', async () => {
  const { measures } = await round('--as', 'unwatched')
  expect(Object.keys(measures)).toEqual(['achievedQps', 'bytesPerRequest', 'externalBytes', 'residentGrowthBytes'])
})

test('one whose metrics are broken voids the round', async () => {
  const { measures, findings } = await round('--as', 'broken')
  expect(measures).toEqual({})
  expect(findings).toMatchObject([{ gate: 'failed', message: 'its page of metrics is answered with 500' }])
})
