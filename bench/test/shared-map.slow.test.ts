import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fingerprint, sequenceOf } from '../programs/shared-map-sequence.ts'
import { storeKinds } from '../programs/shared-map-stores.ts'
import { sharedMap } from '../scenarios/05-shared-map.scenario.ts'
import type { ArmSpec } from '../src/arm.ts'
import { repositoryRoot } from '../src/paths.ts'
import { preparePeer } from '../src/peers.ts'
import { measureProgram } from '../src/program-run.ts'
import type { Inputs, ProgramPlan } from '../src/scenario.ts'

const script = join(repositoryRoot, 'bench/programs/shared-map.ts')
const ours = (kind: string): ArmSpec => ({
  name: kind,
  kind: 'ours',
  command: [process.execPath, '--conditions=@qps/source', script, '--kind', kind],
  folder: repositoryRoot,
})
const plan = (inputs: Inputs): ProgramPlan => ({
  ...sharedMap.program,
  settings: { entries: 5000, ...inputs },
  warmupS: 0.1,
  durationS: 0.2,
})
const inputs = { keys: 'string', threads: 2, reads: 90, distribution: 'uniform' } as const

test.each(storeKinds)('%s is measured', async (kind) => {
  const { record, fault } = await measureProgram(ours(kind), plan(inputs), {})
  expect(fault).toBeUndefined()
  expect(record.requests).toBeGreaterThan(100)
  expect(record.figures['nsPerOperation']).toBeCloseTo((record.elapsedS * 1e9) / record.requests, 3)
  // A batch is of one thread, of which there are two.
  expect(record.figures['nsPerOperationP99']).toBeGreaterThan(record.figures['nsPerOperation']!)
  expect(record.figures['sum']).toBeGreaterThan(0)
})

test.for(sharedMap.peers)('%s does the same operations', { timeout: 200_000 }, async (peer, context) => {
  const spec = await preparePeer(peer)
  if ('reason' in spec) {
    const why = `${spec.reason}; ${spec.install}`
    if (process.env['REAL_SERVICES'] === 'required') throw new Error(why)
    return context.skip(why)
  }
  for (const given of [inputs, { ...inputs, keys: 'integer', reads: 50, threads: 3, distribution: 'zipf' }] as const) {
    const { record, fault } = await measureProgram(spec, plan(given), {})
    expect(fault).toBeUndefined()
    expect(record.requests).toBeGreaterThan(1000)
    expect(record.figures['nsPerOperation']).toBeCloseTo((record.elapsedS * 1e9) / record.requests, 3)
    const workload = { entries: 5000, reads: given.reads, distribution: given.distribution }
    const sequences = Array.from({ length: given.threads }, (_, thread) => sequenceOf(thread, workload))
    expect(record.figures['sequence']).toBe(fingerprint(sequences))
  }
})

test('what it does not know is refused', async () => {
  const wrong = measureProgram(ours('puddle'), plan(inputs), {})
  await expect(wrong).rejects.toThrow('--kind puddle is none of snapshot, locked')
})
