import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type LoadProgress, runLoadProcess } from '@qps/loadgen'
import { expect, test } from 'vitest'
import { hello, serve } from './servers.ts'

test('a process of its own measures the same, and reports its progress', async () => {
  await using server = await serve(hello)
  const reports: LoadProgress[] = []
  const result = await runLoadProcess({
    url: server.url,
    connections: 2,
    durationS: 0.6,
    method: 'POST',
    body: new Uint8Array([1, 2, 3]),
    onProgress: (progress) => reports.push(progress),
  })
  expect(result).toMatchObject({ event: 'load', connections: 2, errors: 0, status: { 200: result.requests } })
  expect(result.requests).toBeGreaterThan(10)
  expect(reports.length).toBeGreaterThanOrEqual(1)
})

test('its errors arrive as they were thrown', async () => {
  const server = await serve(hello)
  await server[Symbol.asyncDispose]()
  await expect(runLoadProcess({ url: server.url, durationS: 0.2 })).rejects.toMatchObject({
    name: 'QpsError',
    code: 'QPS_UNREACHABLE',
    retryable: true,
    hint: expect.stringContaining('start a server') as string,
  })
})

test('an abort ends it early, with what was measured', async () => {
  await using server = await serve(hello)
  const aborter = new AbortController()
  server.server.once('request', () => setTimeout(() => aborter.abort(), 300))
  const result = await runLoadProcess({ url: server.url, connections: 2, durationS: 60, signal: aborter.signal })
  expect(result.requests).toBeGreaterThan(0)
  expect(result.reasons).toContainEqual(expect.stringMatching(/^ended early by the caller/))
})

test('it does not outlive its parent, however that dies', async () => {
  await using server = await serve(hello)
  const script = fileURLToPath(new URL('doomed-parent.ts', import.meta.url))
  const parent = spawn(process.execPath, ['--conditions=@qps/source', script, server.url], {
    stdio: ['ignore', 'inherit', 'pipe'],
    timeout: 20_000,
  })
  let complaints = ''
  parent.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  await once(server.server, 'request')
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  const open = (): Promise<number> =>
    new Promise((resolve) => server.server.getConnections((_, count) => resolve(count)))
  const deadlineMs = performance.now() + 5000
  while ((await open()) > 0 && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(await open()).toBe(0)
  expect(complaints).toBe('')
})
