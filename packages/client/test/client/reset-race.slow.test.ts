import { resetRace } from '@qps/client/experiments'
import { expect, test } from 'vitest'

test('with equal idle times at both ends, requests meet closing connections and are lost', async () => {
  const seen = await resetRace({ clientIdleMs: 400 })
  expect(seen.resets).toBeGreaterThan(0)
  expect(seen.resets).toBe(seen.sent - seen.answered)
  expect(seen.codes).toEqual(['QPS_CLIENT_RESET'])
})

test('a client that is idle for less than the server, by more than a round trip, never meets it', async () => {
  const seen = await resetRace({ clientIdleMs: 150 })
  expect(seen).toMatchObject({ answered: seen.sent, resets: 0, connectionsOpened: 2 * seen.sent })
})

test('what meets it nevertheless is repeated, and answered', async () => {
  const seen = await resetRace({ clientIdleMs: 400, attemptsMax: 3 })
  expect(seen).toMatchObject({ answered: seen.sent, codes: [] })
  expect(seen.resets).toBeGreaterThan(0)
  expect(seen.retries).toBe(seen.resets)
})

test('a POST is not repeated: it may have been carried out', async () => {
  const seen = await resetRace({ clientIdleMs: 400, attemptsMax: 3, method: 'POST' })
  expect(seen.codes).toEqual(['QPS_CLIENT_RESET'])
  expect(seen.retries).toBe(0)
})
