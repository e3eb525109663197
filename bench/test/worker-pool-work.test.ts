import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { workerPoolKinds, workerPoolWork } from '../programs/worker-pool-work.ts'

function isInstalled(name: string): boolean {
  try {
    return createRequire(import.meta.url).resolve(name) !== ''
  } catch {
    return false
  }
}

const ours = new Set<string>(['pool', 'post-message'])
const kinds = workerPoolKinds.filter((kind) => ours.has(kind) || isInstalled(kind))

test.each(kinds)('%s doubles every number once, however many are in flight', async (kind) => {
  for (const inFlight of [1, 8]) {
    await using work = await workerPoolWork(kind, inFlight)
    await work.run(100)
    // Twice the sum of 0 to 99.
    expect(work.checksum).toBe(9900)
  }
})
