import { runCycles } from '@qps/client/experiments'
import { expect, test } from 'vitest'

const common = { cycles: 10_000, concurrency: 24, connectionsMax: 8 }

test.each(['client', 'connection-pool'] as const)(
  'after 10,000 cycles over a %s and a forced collection, sockets equal the maximum',
  async (subject) => {
    expect(await runCycles({ ...common, subject })).toMatchObject({
      sockets: 8,
      serverConnections: 8,
      accepted: 8,
      errors: 0,
    })
  },
)

test('pools that are dropped instead of closed leave their sockets behind, collected or not', async () => {
  const { serverConnections, errors } = await runCycles({
    subject: 'dropped-pools',
    cycles: 200,
    concurrency: 1,
    connectionsMax: 8,
  })
  expect(errors).toBe(0)
  expect(serverConnections).toBeGreaterThanOrEqual(20)
})
