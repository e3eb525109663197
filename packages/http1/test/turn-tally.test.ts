import { setImmediate as turn } from 'node:timers/promises'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { methods } from '@qps/http-contract'
import type { Request } from '@qps/http1'
import { expect, test } from 'vitest'
import { TurnTally } from '../src/server/turn-tally.ts'

const requestTo = (route: string): Request =>
  ({ methodIndex: methods.indexOf('GET'), route, startedMs: 0 }) as unknown as Request

test('requests of a turn that differ in nothing are one call, behind the turn', async () => {
  const told: string[] = []
  const tally = new TurnTally((method, route, status, _seconds, count) => {
    told.push(`${method} ${route} ${status} ${count}`)
  })
  for (const [route, answered] of [
    ['/a', true],
    ['/a', true],
    ['/b', true],
    ['/b', false],
  ] as const) {
    const request = requestTo(route)
    tally.began(request)
    tally.done(request, 200, answered)
  }
  expect(told).toEqual([])
  await turn()
  expect(told).toEqual(['GET /a 200 2', 'GET /b 200 1', 'GET /b 499 1'])
})

test('seconds are those from the beginning of the first turn to the end of the last', async () => {
  const told: number[] = []
  const tally = new TurnTally((_method, _route, _status, seconds) => void told.push(seconds))
  const request = requestTo('/')
  tally.began(request)
  const { startedMs } = request
  await turn()
  const beforeMs = performance.now()
  tally.done(request, 200, true)
  await turn()
  expect(told).toHaveLength(1)
  expect(told[0]! * 1000).toBeGreaterThanOrEqual(beforeMs - startedMs)
  expect(told[0]! * 1000).toBeLessThanOrEqual(performance.now() - startedMs)
})

test('an observer that throws is heard of, and does not end the telling', async () => {
  const thrown: unknown[] = []
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.once('uncaughtException', (error) => thrown.push(error))
  const told: string[] = []
  const tally = new TurnTally((_method, route) => {
    told.push(route)
    if (route === '/first') throw new Error('a mistake')
  })
  for (const route of ['/first', '/second']) {
    const request = requestTo(route)
    tally.began(request)
    tally.done(request, 200, true)
    await turn()
  }
  for (const listener of before) process.on('uncaughtException', listener)
  expect(thrown).toEqual([expect.objectContaining({ message: 'a mistake' })])
  expect(told).toEqual(['/first', '/second'])
})

test('whoever subscribes is told from then on; nobody else costs a clock', async () => {
  const told: unknown[] = []
  const listen = (message: unknown): void => void told.push(message)
  const tally = new TurnTally(undefined)
  const early = requestTo('/')
  tally.began(early)
  expect(early.startedMs).toBe(0)
  subscribe('qps.request.done', listen)
  const late = requestTo('/')
  tally.began(late)
  expect(late.startedMs).toBeGreaterThan(0)
  tally.done(early, 200, true)
  tally.done(late, 200, true)
  await turn()
  unsubscribe('qps.request.done', listen)
  // Nobody knows when the first one began.
  expect(told).toEqual([
    { status: 200, seconds: 0, count: 1 },
    { status: 200, seconds: expect.closeTo(0, 0), count: 1 },
  ])
})
