import { type Admin, startAdmin } from '@qps/http'
import { type DebugPages, debugPages, Profiler, RequestCount } from '@qps/profile'
import { createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './threads.ts'

let admin: Admin
let pages: DebugPages
let profiler: Profiler
let server: Server
let url = ''
const kept: unknown[] = []

/** Allocates about 100 KB a request. */
function answersWithGarbage(): string {
  const rows = Array.from({ length: 1_000 }, (_, index) => ({
    index,
    a: index,
    b: index,
    c: index,
    d: index,
    e: [index],
  }))
  kept[0] = rows
  return 'ok'
}

beforeAll(async () => {
  server = createServer((_request, response) => void response.end(answersWithGarbage()))
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as { port: number }
  url = `http://127.0.0.1:${port}/`
  profiler = new Profiler({ root })
  const requests = new RequestCount({ port: () => port })
  pages = debugPages({ profiler, requests, about: () => 'test' })
  admin = await startAdmin({
    port: 0,
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    ready: () => true,
    routes: () => pages.routes,
  })
})
afterAll(async () => {
  await admin.close()
  await pages[Symbol.asyncDispose]()
  profiler[Symbol.dispose]()
  server.close()
  server.closeAllConnections()
})

const get = (path: string, signal?: AbortSignal): Promise<Response> =>
  fetch(`${admin.url}${path}`, signal === undefined ? {} : { signal })

/** Asks for pages of the server until it is told to stop. @returns how many it got. */
function asking(): { stop(): Promise<number> } {
  const stop = new AbortController()
  let count = 0
  const done = (async () => {
    while (!stop.signal.aborted) {
      await (await fetch(url)).text()
      count++
    }
  })()
  return {
    stop: async () => {
      stop.abort()
      await done
      return count
    },
  }
}

test('the list of pages says what is there', async () => {
  const text = await (await get('/debug')).text()
  for (const path of Object.keys(pages.routes)) expect(text).toContain(path)
  expect(text).toContain('nothing is being taken')
})

test('a CPU profile comes as pprof by default, under a name of its own', async () => {
  const answer = await get('/debug/profile?seconds=1')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="test-cpu-[\dT-]+\.pb\.gz"$/)
  expect(gunzipSync(await answer.bytes()).includes('nanoseconds')).toBe(true)
})

test('requests are answered while a profile is taken and converted, and are counted', async () => {
  const clients = asking()
  const { requests, functions, total, kind } = (await (await get('/debug/heap?seconds=1&format=json')).json()) as {
    requests: number
    functions: { name: string; self: number }[]
    total: number
    kind: string
  }
  const answered = await clients.stop()
  expect(kind).toBe('allocations')
  expect(requests).toBeGreaterThan(10)
  expect(requests).toBeLessThanOrEqual(answered)
  expect(functions.some(({ name }) => name === 'answersWithGarbage' || name === '(anonymous)')).toBe(true)
  expect(total / requests).toBeGreaterThan(20_000)
})

test.each([
  ['/debug/profile?seconds=1&format=cpuprofile', 'cpuprofile', 'nodes'],
  ['/debug/heap?seconds=1&format=heapprofile', 'heapprofile', 'head'],
  ['/debug/heap?seconds=1&live&format=heapprofile', 'heapprofile', 'head'],
])('%s', async (path, ending, field) => {
  const answer = await get(path)
  expect(answer.headers.get('content-disposition')).toContain(`.${ending}"`)
  expect(Object.keys((await answer.json()) as object)).toContain(field)
})

test('the collector, as a timeline and for Perfetto', async () => {
  const clients = asking()
  const text = await (await get('/debug/gc?seconds=1')).text()
  const trace = (await (await get('/debug/gc?seconds=1&format=trace')).json()) as { traceEvents: { ph: string }[] }
  await clients.stop()
  expect(text).toMatch(/scavenge +main/)
  expect(trace.traceEvents.some(({ ph }) => ph === 'X')).toBe(true)
})

test('allocations per request, over some seconds or since the last look', async () => {
  const clients = asking()
  const first = (await (await get('/debug/allocations?seconds=1&format=json')).json()) as Record<string, number>
  await sleep(200)
  const second = (await (await get('/debug/allocations?format=json')).json()) as Record<string, number>
  await clients.stop()
  for (const figures of [first, second]) {
    expect(figures['bytesPerRequest']).toBeGreaterThan(50_000)
    expect(figures['requests']).toBeGreaterThan(0)
    expect(figures['residentBytes']).toBeGreaterThan(1e6)
  }
  expect(first['seconds']).toBeGreaterThan(0.9)
  expect(first['scavengesPerMillion']).toBeGreaterThan(0)
  expect(first['pauseMsMax']).toBeGreaterThanOrEqual(first['pauseMsP99']!)
  expect(await (await get('/debug/allocations')).text()).toMatch(/^seconds +\d/)
})

test.each([
  ['/debug/profile?seconds=0', 'seconds'],
  ['/debug/profile?seconds=61', 'seconds'],
  ['/debug/heap?seconds=', 'seconds'],
  ['/debug/gc?seconds=x', 'seconds'],
  ['/debug/profile?format=svg', 'format'],
  ['/debug/allocations?format=pprof', 'format'],
])('%s is refused', async (path, what) => {
  const answer = await get(path)
  expect(answer.status).toBe(400)
  expect(await answer.json()).toEqual({
    error: { code: 'option', message: expect.stringContaining(`${what} must be`) },
  })
})

test('an unknown thread is refused with the names of those that there are', async () => {
  const answer = await get('/debug/profile?seconds=1&format=cpuprofile&thread=x')
  expect(answer.status).toBe(400)
  expect(await answer.text()).toContain('main')
})

test('one at a time: the second is told so, and the first goes on', async () => {
  const first = get('/debug/profile?seconds=1')
  await until(() => profiler.running !== undefined)
  const second = await get('/debug/heap?seconds=1')
  expect(second.status).toBe(409)
  expect(await second.json()).toMatchObject({ error: { code: 'profile_busy' } })
  expect((await first).status).toBe(200)
})

test('a client that goes away ends its profile', async () => {
  const leave = new AbortController()
  const gone = get('/debug/profile?seconds=60', leave.signal).catch(() => undefined)
  await until(() => profiler.running !== undefined)
  leave.abort()
  await gone
  await until(() => profiler.running === undefined)
  expect((await get('/debug/gc?seconds=1')).status).toBe(200)
})

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('it did not come to that')
    await sleep(5)
  }
}
