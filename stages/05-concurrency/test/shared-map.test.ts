import { rawExchange, startStage, statuses, type StageProcess } from '@qps/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { folder } from './variants.ts'

const kinds = ['optimistic', 'sharded', 'locked', 'snapshot']

const startMap = (...options: string[]): Promise<StageProcess> =>
  startStage(folder, ['--variant', 'shared-map', ...options])

/** On a connection of its own each: the kernel deals connections, not requests, to the threads. */
async function ask(
  stage: StageProcess,
  method: string,
  path: string,
  body = '',
): Promise<{ status: number; body: string }> {
  const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
  const { text } = await rawExchange(stage.port, head + body)
  return { status: statuses(text)[0]!, body: text.slice(text.indexOf('\r\n\r\n') + 4) }
}

/** So many increments over one connection, all sent at once. @returns the sums that were answered. */
async function increments(stage: StageProcess, name: string, count: number): Promise<number[]> {
  const one = `POST /counters/${name} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`
  const last = one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
  const { text } = await rawExchange(stage.port, one.repeat(count - 1) + last)
  return [...text.matchAll(/\{"count":(\d+)\}/g)].map(([, sum]) => Number(sum))
}

describe.each(kinds)('--map %s', (kind) => {
  let stage: StageProcess
  beforeAll(async () => {
    stage = await startMap('--map', kind)
  })
  afterAll(() => stage?.[Symbol.asyncDispose]())

  test('counts exactly, whichever threads the clients come to: no sum is lost, and none is told twice', async () => {
    const clients = 8
    const each = 200
    const sums = (await Promise.all(Array.from({ length: clients }, () => increments(stage, 'visits', each)))).flat()
    expect(sums.toSorted((left, right) => left - right)).toEqual(
      Array.from({ length: clients * each }, (_, index) => index + 1),
    )
    expect((await ask(stage, 'GET', '/counters/visits')).body).toBe(`{"count":${clients * each}}`)
  })

  test('a session that one thread has kept is had by all', async () => {
    expect((await ask(stage, 'PUT', '/sessions/me', 'cart=7')).status).toBe(204)
    for (let round = 0; round < 12; round++) {
      expect(await ask(stage, 'GET', '/sessions/me')).toEqual({ status: 200, body: 'cart=7' })
    }
    expect((await ask(stage, 'DELETE', '/sessions/me')).status).toBe(204)
    for (let round = 0; round < 12; round++) expect((await ask(stage, 'GET', '/sessions/me')).status).toBe(404)
    expect((await ask(stage, 'DELETE', '/sessions/me')).status).toBe(404)
  })

  test('shows how the shards are filled', async () => {
    for (let index = 0; index < 40; index++) await ask(stage, 'POST', `/counters/c${index}`)
    const text = await (await fetch(`${stage.admin}/debug/shards?format=text`)).text()
    expect(text).toContain(`counters, ${kind}: 41 of`)
    const entries = [...text.matchAll(/ (\d+) entries, /g)].map(([, count]) => Number(count))
    expect(entries.reduce((sum, count) => sum + count, 0)).toBe(41)
  })
})

describe('what is not to be had', () => {
  test('keys and contents that do not fit are refused', async () => {
    await using stage = await startMap()
    expect((await ask(stage, 'PUT', '/sessions/me', 'x'.repeat(513))).status).toBe(413)
    for (const key of ['x'.repeat(65), 'a%20b', '%00', '%F0%9F%AA%91']) {
      expect((await ask(stage, 'PUT', `/sessions/${key}`, 'x')).status, key).toBe(400)
      expect((await ask(stage, 'POST', `/counters/${key}`)).status, key).toBe(400)
    }
    expect((await ask(stage, 'POST', '/sessions/me')).status).toBe(405)
    expect((await ask(stage, 'GET', '/sessions/__proto__')).status).toBe(404)
    expect((await ask(stage, 'POST', '/counters/__proto__')).body).toBe('{"count":1}')
    expect((await ask(stage, 'POST', '/counters/constructor')).body).toBe('{"count":1}')
  })

  test('a client that invents keys fills the map and no more: 503 with advice, and what is there stays', async () => {
    await using stage = await startMap('--capacity', '64')
    expect((await ask(stage, 'POST', '/counters/mine')).body).toBe('{"count":1}')
    const paths = Array.from({ length: 400 }, (_, index) => `/counters/k${index}`)
    const one = (path: string): string => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`
    const { text } = await rawExchange(
      stage.port,
      paths.map(one).join('') + one('/counters/mine').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
    )
    const told = statuses(text)
    expect(told.filter((status) => status === 200).length).toBeGreaterThanOrEqual(32)
    expect(told.filter((status) => status === 503).length).toBeGreaterThanOrEqual(paths.length - 128)
    expect(text).toMatch(/\r\nretry-after: [1-5]\r\n/)
    expect(text.endsWith('{"count":2}')).toBe(true)
    expect((await ask(stage, 'GET', '/counters/mine')).body).toBe('{"count":2}')
    expect(stage.stderr()).toBe('')
  })
})

test('metrics know the routes of all threads and not the keys; the view is a page, too', async () => {
  await using stage = await startMap()
  for (let index = 0; index < 40; index++) await ask(stage, 'POST', `/counters/c${index}`)
  await expect
    .poll(async () => (await fetch(`${stage.admin}/metrics`)).text(), { timeout: 5_000 })
    .toContain('http_server_requests_total{method="POST",route="/counters/:name",status="200"} 40')
  const text = await (await fetch(`${stage.admin}/debug/shards?format=text`)).text()
  const filled = [...text.matchAll(/ ([1-9]\d*) entries, /g)]
  expect(filled.length).toBeGreaterThan(8)
  expect(await (await fetch(`${stage.admin}/debug/shards`)).text()).toContain('<img')
  const svg = await (await fetch(`${stage.admin}/debug/shards?format=svg&map=sessions`)).text()
  expect(svg).toContain('sessions, optimistic: 0 of')
})
