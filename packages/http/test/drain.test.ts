import { setTimeout as sleep } from 'node:timers/promises'
import { answerSurface, runStock } from '@qps/http'
import { rawExchange, startSteadyClients, statuses } from '@qps/testkit'
import { expect, test } from 'vitest'
import { startHardened, type Started } from './start.ts'

const late = 'GET /late HTTP/1.1\r\nHost: a\r\n\r\n'
const plain = 'GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n'

/** A server with a route that takes `lateMs`. */
function startLate(lateMs: number): Promise<Started> {
  return startHardened({ routes: (app) => void app.get('/late', () => sleep(lateMs, 'late')) })
}

test('a server without connections drains at once', async () => {
  await using server = await startHardened()
  const { completed, dropped, ms } = await server.drain()
  expect({ completed, dropped }).toEqual({ completed: 0, dropped: 0 })
  expect(ms).toBeLessThan(100)
  await expect(fetch(server.url)).rejects.toThrow()
})

test('a request in flight is answered and told that the connection closes', async () => {
  await using server = await startLate(300)
  const exchange = rawExchange(server.port, late)
  await sleep(100)
  const report = await server.drain()
  const { text, closed } = await exchange
  expect(statuses(text)).toEqual([200])
  expect(text).toMatch(/\r\nconnection: close\r\n/i)
  expect(closed).toBe('end')
  expect(report).toMatchObject({ completed: 1, dropped: 0 })
})

test('a kept-alive client may ask once more and is then told', async () => {
  await using server = await startHardened()
  const exchange = rawExchange(server.port, [plain, plain], { pauseMs: 300 })
  await sleep(100)
  const report = await server.drain()
  const { text } = await exchange
  expect(text.match(/connection: (\S+)/gi)).toEqual(['Connection: keep-alive', 'connection: close'])
  expect(report).toMatchObject({ completed: 1, dropped: 0 })
})

test('of requests that came in one piece all are answered, and only the last says close', async () => {
  await using server = await startHardened()
  const exchange = rawExchange(server.port, [plain, plain.repeat(5)], { pauseMs: 300 })
  await sleep(100)
  await server.drain()
  const { text } = await exchange
  expect(statuses(text)).toHaveLength(6)
  expect(text.match(/connection: close/gi)).toHaveLength(1)
  expect(text.lastIndexOf('close')).toBeGreaterThan(text.lastIndexOf('keep-alive'))
})

test('requests pipelined behind one in flight are answered too', async () => {
  await using server = await startLate(500)
  const exchange = rawExchange(server.port, [late, plain + plain], { pauseMs: 300 })
  await sleep(100)
  const report = await server.drain()
  expect(statuses((await exchange).text)).toEqual([200, 200, 200])
  expect(report).toMatchObject({ completed: 3, dropped: 0 })
})

test('what is not done at the limit is cut and counted', async () => {
  await using server = await startLate(3_000)
  const exchange = rawExchange(server.port, late)
  await sleep(100)
  const report = await server.drain(200)
  expect((await exchange).text).toBe('')
  expect(report).toMatchObject({ completed: 0, dropped: 1 })
  expect(report.ms).toBeLessThan(600)
})

test('clients in a closed loop lose nothing', async () => {
  await using server = await startHardened()
  const clients = [startSteadyClients(server.port, 10), startSteadyClients(server.port, 10, 100)]
  await sleep(500)
  const report = await server.drain()
  for (const { done } of clients) {
    const result = await done
    expect(result.lost).toBe(0)
    expect(result.toldToClose).toBeGreaterThan(0)
  }
  expect(report.dropped).toBe(0)
  expect(report.completed).toBeGreaterThan(20)
})

test('a stock server closes idle connections at once and answers what is in flight', async () => {
  const running = await runStock(answerSurface, { host: '127.0.0.1', port: 0 })
  const port = Number(new URL(running.url).port)
  const exchange = rawExchange(port, plain)
  await sleep(100)
  expect(running.connections()).toBe(1)
  const report = await running.drain()
  expect((await exchange).closed).toBe('end')
  expect(report.ms).toBeLessThan(300)
  await sleep(20)
  expect(running.connections()).toBe(0)
})

test('a stock server cuts what is left at the limit', async () => {
  const running = await runStock(() => {}, { host: '127.0.0.1', port: 0 })
  const exchange = rawExchange(Number(new URL(running.url).port), plain)
  await sleep(100)
  expect(await running.drain(100)).toMatchObject({ completed: 0, dropped: 1 })
  expect((await exchange).closed).not.toBe('open')
})
