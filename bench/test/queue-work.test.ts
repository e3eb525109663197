import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { queueWays } from '../programs/queue-job.ts'
import { startQueueWork } from '../programs/queue-work.ts'
import { queue } from '../scenarios/05-queue.scenario.ts'

test.each(queueWays)('%s loses nothing, and counts what arrives', async (way) => {
  await using work = await startQueueWork({ way, bytes: way === 'channel' ? 4096 : 16, pairs: 2 })
  await sleep(20)
  const before = work.received
  await sleep(20)
  // Throws where the sums of both sides differ.
  await work.end()
  expect(work.received).toBeGreaterThan(before)
})

test('every way is an arm', () => {
  expect(queue.variants.map(({ name }) => name)).toEqual([...queueWays])
})
