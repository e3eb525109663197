import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cryptoOperations } from '../programs/crypto-operations.ts'
import { crypto } from '../scenarios/03-crypto.scenario.ts'
import { repositoryRoot } from '../src/paths.ts'
import { findProgram } from '../src/peers.ts'
import { runRound } from '../src/round.ts'

const bun = 'node_modules/@oven/bun-linux-x64/bin/bun'
const script = join(repositoryRoot, 'bench/programs/crypto.ts')

const load = (): never => {
  throw new Error('a program is not loaded')
}

/** From its source: what the bench runs is compiled from this file. */
describe.each([
  ['Node', '{node}'],
  ['Bun', bun],
])('in %s', (_, runtime) => {
  test.for(cryptoOperations)('%s is measured, and the clock agrees', async (operation, context) => {
    const program = findProgram(runtime)
    if (program === undefined) {
      if (process.env['REAL_SERVICES'] === 'required') throw new Error(`${runtime} is missing: npm ci`)
      return context.skip(`${runtime} is missing: npm ci`)
    }
    const command = [program, '--conditions=@qps/source', script]
    const spec = { name: 'crypto', kind: 'ours' as const, command, folder: repositoryRoot }
    const settings = { operation, bytes: 1024 }
    const plan = { program: { ...crypto.program, settings, warmupS: 0.1, durationS: 0.3 } }
    const { findings, measures } = await runRound(spec, plan, { round: 1, position: 1 }, { load })
    expect(findings).toEqual([])
    const { operationsPerSecond, megabytesPerSecond, cpuUsPerOperation } = measures
    expect(operationsPerSecond).toBeGreaterThan(100)
    expect(cpuUsPerOperation).toBeGreaterThan(0)
    if (operation.startsWith('aes')) {
      expect(megabytesPerSecond).toBeCloseTo((operationsPerSecond! * 1024) / 1e6, 6)
    } else expect(megabytesPerSecond).toBeUndefined()
  })
})

test('what is no operation is refused with those that there are', async () => {
  const command = [process.execPath, '--conditions=@qps/source', script]
  const spec = { name: 'crypto', kind: 'ours' as const, command, folder: repositoryRoot }
  const plan = { program: { ...crypto.program, settings: { operation: 'rot13', bytes: 16 } } }
  const { findings } = await runRound(spec, plan, { round: 1, position: 1 }, { load })
  expect(findings).toHaveLength(1)
  expect(findings[0]!.message).toContain('--operation rot13 with --bytes 16')
})
