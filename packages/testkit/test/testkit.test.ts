import { createServer } from 'node:http'
import { listen } from '@qps/http'
import {
  expectReadmeExample,
  rawExchange,
  requireProgram,
  slowClients,
  startBystander,
  startStage,
  startSteadyClients,
  statuses,
} from '@qps/testkit'
import { afterEach, expect, test, vi } from 'vitest'

afterEach(() => vi.unstubAllEnvs())

test('the README’s example prints what it says', () => expectReadmeExample(new URL('../README.md', import.meta.url)))

test('a program that is there is available', () => {
  expect(requireProgram('sh', 'nothing')).toEqual({ available: true, reason: '' })
})

test('a missing program is a reason to skip, with the line that installs it', () => {
  vi.stubEnv('REAL_SERVICES', '')
  const { available, reason } = requireProgram('no-such-program', 'apt-get install it')
  expect(available).toBe(false)
  expect(reason).toBe('no-such-program is not on PATH: apt-get install it')
})

test('where real services are required, a missing program fails', () => {
  vi.stubEnv('REAL_SERVICES', 'required')
  expect(() => requireProgram('no-such-program', 'apt-get install it')).toThrow('apt-get install it')
})

test('a stage that cannot start is quoted', async () => {
  await expect(startStage('99-no-such-stage')).rejects.toThrow(/ended before it listened[^]*99-no-such-stage/)
})

test('steady clients notice a lost request', async () => {
  let asked = 0
  const server = createServer((request, response) => {
    if (++asked === 3) request.socket.resetAndDestroy()
    else response.writeHead(200, { 'content-length': 2, connection: asked > 5 ? 'close' : 'keep-alive' }).end('ok')
    if (asked > 5) server.close()
  })
  const port = Number(new URL(await listen(server, { host: '127.0.0.1', port: 0 })).port)
  expect(await startSteadyClients(port, 1).done).toMatchObject({ lost: 1, answered: 5 })
})

test('a bystander measures a stall from the intended start', async () => {
  const server = createServer((_request, response) => void response.writeHead(200, { 'content-length': 0 }).end())
  const port = Number(new URL(await listen(server, { host: '127.0.0.1', port: 0 })).port)
  const bystander = await startBystander(port, 100)
  await new Promise((resolve) => setTimeout(resolve, 200))
  const untilMs = performance.now() + 300
  while (performance.now() < untilMs);
  await new Promise((resolve) => setTimeout(resolve, 200))
  const { latencyMsMax, latencyMsP50, errors } = await bystander.stop()
  expect(errors).toBe(0)
  expect(latencyMsMax).toBeGreaterThan(250)
  expect(latencyMsP50).toBeGreaterThan(0)
  server.closeAllConnections()
  server.close()
})

test('slow clients say which connections were closed, and which held', async () => {
  const server = createServer((_request, response) => void response.end())
  const port = Number(new URL(await listen(server, { host: '127.0.0.1', port: 0 })).port)
  expect(await slowClients({ port, mode: 'headers', count: 3, limitMs: 200 })).toMatchObject({ held: 3, closedMs: [] })
  server.once('connection', (socket) => socket.destroy())
  const mixed = await slowClients({ port, mode: 'headers', count: 3, limitMs: 200 })
  expect(mixed.held).toBe(2)
  expect(mixed.closedMs).toHaveLength(1)
  server.closeAllConnections()
  server.close()
})

test('a raw exchange tells a reset from an end', async () => {
  const server = createServer((request) => void request.socket.resetAndDestroy())
  const port = Number(new URL(await listen(server, { host: '127.0.0.1', port: 0 })).port)
  const { text, closed } = await rawExchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  expect(closed).toBe('reset')
  expect(statuses(text)).toEqual([])
  server.close()
})
