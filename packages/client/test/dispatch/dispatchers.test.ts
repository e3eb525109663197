import {
  type CreateDispatcher,
  createCoalescingDispatcher,
  createPerWorkerDispatcher,
  createShardedDispatcher,
  createSharedDispatcher,
  dispatcherModules,
  exchange,
} from '@qps/client'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { startHttp } from '../client/servers.ts'
import { dispatcherConformance } from './conformance.ts'

const implementations: Record<string, CreateDispatcher> = {
  shared: createSharedDispatcher,
  sharded: createShardedDispatcher,
  'sharded by hash': (options) => createShardedDispatcher({ ...options, pick: 'hash' }),
  // One thread each: starting threads is what takes the time here.
  'per-worker': (options) => createPerWorkerDispatcher({ ...options, parts: 1 }),
  coalescing: createCoalescingDispatcher,
}

describe.each(Object.entries(implementations))('%s', (_, create) => {
  dispatcherConformance(create)
})

test('by hash, a path keeps to one shard; in turn, it does not', async () => {
  await using server = await startHttp((request, response) => response.end(String(request.socket.remotePort)))
  const connectionsOf = async (pick: 'hash' | 'round-robin'): Promise<number> => {
    await using dispatcher = createShardedDispatcher({ origin: server.origin, parts: 4, connectionsMax: 4, pick })
    const seen = new Set<string>()
    for (let sent = 0; sent < 12; sent++)
      seen.add(Buffer.from((await exchange(dispatcher, { path: '/x' })).body).toString())
    return seen.size
  }
  expect(await connectionsOf('hash')).toBe(1)
  expect(await connectionsOf('round-robin')).toBe(4)
})

test.each(Object.entries(dispatcherModules))('the module of %s exports createDispatcher', async (kind, module) => {
  const { createDispatcher } = (await import(/* @vite-ignore */ module.href)) as {
    createDispatcher: typeof createSharedDispatcher
  }
  await using dispatcher = createDispatcher({ origin: 'http://127.0.0.1:1' })
  expect(dispatcher.kind).toBe(kind)
})

test.each(Object.keys(dispatcherModules))('%s keeps the process until close has resolved', async (kind) => {
  await using server = await startHttp(async (_, response) => {
    await sleep(100)
    response.end('late')
  })
  const entry = fileURLToPath(new URL('close-entry.ts', import.meta.url))
  const flags = ['--conditions=@qps/source', entry, kind, server.origin]
  const { stdout } = await promisify(execFile)(process.execPath, flags, { timeout: 10_000 })
  expect(stdout).toBe('closed after 200')
})

test('an unknown way to pick is refused with those that there are', () => {
  expect(() => createShardedDispatcher({ origin: 'http://a', pick: 'random' as never })).toThrow(
    'pick must be one of round-robin, hash, not "random"',
  )
})

test('a thread that dies fails what it was sent, and what comes after', async () => {
  let asked = (): void => {}
  const reached = new Promise<void>((resolve) => (asked = resolve))
  await using server = await startHttp(() => asked())
  const started = once(process, 'worker') as Promise<[Worker]>
  await using dispatcher = createPerWorkerDispatcher({ origin: server.origin, parts: 1, connectionsMax: 1 })
  const [worker] = await started
  const under = exchange(dispatcher, { path: '/' })
  await reached
  const failed = expect(under).rejects.toMatchObject({ code: 'QPS_CLIENT_WORKER' })
  await worker.terminate()
  await failed
  await expect(exchange(dispatcher, { path: '/' })).rejects.toMatchObject({ code: 'QPS_CLIENT_WORKER' })
})

test('several threads share the requests, and each has its share of the connections', async () => {
  await using server = await startHttp((request, response) => response.end(String(request.socket.remotePort)))
  await using dispatcher = createPerWorkerDispatcher({ origin: server.origin, parts: 2, connectionsMax: 2 })
  const ports = new Set<string>()
  for (let sent = 0; sent < 6; sent++)
    ports.add(Buffer.from((await exchange(dispatcher, { path: '/' })).body).toString())
  expect(ports.size).toBe(2)
})

test.each(['http://example.org', 'https://127.0.0.1'])('coalescing refuses %s, and says why', (origin) => {
  expect(() => createCoalescingDispatcher({ origin })).toThrow(`origin must be http:// and an address, not "${origin}"`)
})

test('coalescing tells an answer that is too large for its body from one that is for its head', async () => {
  const fields = Array.from({ length: 99 }, (_, index): [string, string] => [`x-${index}`, 'y'.repeat(200)])
  await using server = await startHttp((request, response) => {
    if (request.url === '/head') return response.writeHead(200, Object.fromEntries(fields)).end()
    return response.writeHead(200, { 'content-length': 2 ** 30 }).flushHeaders()
  })
  await using dispatcher = createCoalescingDispatcher({ origin: server.origin })
  await expect(exchange(dispatcher, { path: '/head' })).rejects.toMatchObject({ code: 'QPS_CLIENT_HEADER_SIZE' })
  await expect(exchange(dispatcher, { path: '/body' })).rejects.toMatchObject({ code: 'QPS_CLIENT_RESPONSE_SIZE' })
})

test('coalescing dispatchers of a thread share its poller, and one that closes leaves it to the others', async () => {
  await using server = await startHttp((_, response) => response.end('x'))
  await using stays = createCoalescingDispatcher({ origin: server.origin })
  const goes = createCoalescingDispatcher({ origin: server.origin.replace('127.0.0.1', 'localhost') })
  await exchange(goes, { path: '/' })
  await goes.close()
  expect((await exchange(stays, { path: '/' })).status).toBe(200)
})
