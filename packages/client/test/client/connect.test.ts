import { once } from 'node:events'
import { createServer as createNet, connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { createClient, type PooledClient } from '@qps/client'
import { ManualClock } from '@qps/core'
import { expect, test } from 'vitest'
import { startHttp, startTcp } from './servers.ts'

const failure = (client: PooledClient): Promise<{ code: string; message: string }> =>
  client.request({ path: '/' }).then(
    () => ({ code: 'none', message: '' }),
    (error: { code: string; message: string }) => error,
  )

test('a TLS handshake that is never answered is cut at 5 s', async () => {
  const seen: Socket[] = []
  await using server = await startTcp((socket) => seen.push(socket.resume()))
  const clock = new ManualClock()
  await using client = createClient({ origin: `https://127.0.0.1:${server.port}`, clock })
  let failed: { code: string } | undefined
  const failing = failure(client).then((error) => (failed = error))
  await expect.poll(() => seen.length).toBe(1)
  clock.advance(4999)
  await new Promise(setImmediate)
  expect(failed).toBeUndefined()
  const ended = once(seen[0]!, 'close')
  clock.advance(1)
  await failing
  expect(failed).toMatchObject({ code: 'QPS_CLIENT_CONNECT_TIMEOUT', retryable: true })
  await ended
})

test('so is a connection that no one accepts, in real time, to the millisecond and not to the half second', async () => {
  // A thread that listens with the shortest backlog and then never looks again.
  const source = `
    const { createServer } = require('node:net')
    const { parentPort } = require('node:worker_threads')
    const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000), 10)
    })`
  const worker = new Worker(source, { eval: true })
  const [port] = (await once(worker, 'message')) as [number]
  await new Promise((resolve) => setTimeout(resolve, 60))
  const fillers = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  await new Promise((resolve) => setTimeout(resolve, 60))
  try {
    await using client = createClient({ origin: `http://127.0.0.1:${port}`, connectTimeoutMs: 150 })
    const startMs = performance.now()
    expect(await failure(client)).toMatchObject({ code: 'QPS_CLIENT_CONNECT_TIMEOUT' })
    const tookMs = performance.now() - startMs
    expect(tookMs).toBeGreaterThan(140)
    expect(tookMs).toBeLessThan(1000)
  } finally {
    for (const filler of fillers) filler.destroy()
    await worker.terminate()
  }
})

test('the time for a connection includes asking where it goes', async () => {
  const clock = new ManualClock()
  await using client = createClient({ origin: 'http://service.test', resolve: () => new Promise(() => {}), clock })
  const failing = failure(client)
  await new Promise(setImmediate)
  clock.advance(5000)
  expect(await failing).toMatchObject({ code: 'QPS_CLIENT_CONNECT_TIMEOUT' })
})

test('nobody listening, an unknown name and a resolver that throws are one kind of failure with its cause', async () => {
  const free = createNet().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as { port: number }
  free.close()
  await once(free, 'close')
  for (const resolve of [
    () => ({ host: '127.0.0.1', port }),
    () => Promise.reject(new Error('no instance is healthy')),
    () => {
      throw new Error('no instance is healthy')
    },
  ]) {
    await using client = createClient({ origin: 'http://service.test', resolve })
    expect(await failure(client)).toMatchObject({
      code: 'QPS_CLIENT_CONNECT',
      retryable: true,
      message: expect.stringMatching(/^no connection to service\.test: (connect ECONNREFUSED|no instance is healthy)/),
    })
  }
})

test('a failed attempt leaves nothing behind: the next request connects', async () => {
  await using server = await startHttp((_, response) => response.end('ok'))
  let healthy = false
  await using client = createClient({
    origin: 'http://service.test',
    connectionsMax: 1,
    resolve: () => ({ host: '127.0.0.1', port: healthy ? server.port : 1 }),
  })
  expect(await failure(client)).toMatchObject({ code: 'QPS_CLIENT_CONNECT' })
  healthy = true
  expect((await client.request({ path: '/' })).statusCode).toBe(200)
})
