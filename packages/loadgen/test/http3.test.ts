import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runLoad, runLoadProcess } from '@qps/loadgen'
import { errorCode } from '@qps/quic'
import { createAuthority } from '@qps/tls'
import { expect, test } from 'vitest'
import { planLoad } from '../src/options.ts'
import {
  authority,
  credentials,
  helloHttp3,
  serveTest,
  sessionOf,
  short,
  type TestHttp3,
  withQuic,
} from './http3-servers.ts'

withQuic('a load over HTTP/3', () => {
  test('counts every answer, once, in a closed loop', async () => {
    let served = 0
    await using server = await serveTest((exchange) => {
      served++
      return helloHttp3(exchange)
    })
    const result = await runLoad({ url: server.url, ...short, pipeline: 8 })
    expect(result).toMatchObject({ protocol: 'h3', transport: 'quiche', pipeline: 8, errors: 0 })
    expect(result.status).toEqual({ 200: result.requests })
    expect(Object.keys(result.errorsByKind)).toEqual(
      'connect reset timeout parse status length unsent stream goaway'.split(' '),
    )
    expect(result.requests).toBeGreaterThan(8)
    // Those outstanding at the end are answered too, and not counted.
    expect(served - result.requests).toBeGreaterThanOrEqual(0)
    expect(served - result.requests).toBeLessThanOrEqual(32)
  })

  test('keeps so many streams in flight on a connection, answered in any order', async () => {
    const waiting = new Set<() => void>()
    let most = 0
    await using server = await serveTest((exchange) => {
      const answer = (): void => void (waiting.delete(answer) && helloHttp3(exchange))
      most = Math.max(most, waiting.add(answer).size)
      // Of eight, the last is answered first, and the first a good deal later than the others.
      if (waiting.size === 8) for (const answer of [...waiting].slice(1).toReversed()) answer()
      setTimeout(answer, 5)
    })
    const result = await runLoad({ url: server.url, ...short, connections: 1, pipeline: 8 })
    expect([most, result.errors]).toEqual([8, 0])
    expect(result.requests).toBeGreaterThan(8)
  })

  test('offers exactly its rate in an open loop', async () => {
    let served = 0
    await using server = await serveTest((exchange) => {
      served++
      return helloHttp3(exchange)
    })
    const result = await runLoad({ url: server.url, ...short, durationS: 0.5, rateQps: 400 })
    expect([result.offeredQps, result.requests, served, result.errors]).toEqual([400, 200, 200, 0])
  })

  test('has a stall in the latency of every request that was intended during it', async () => {
    let servedFirstMs: number | undefined
    await using server = await serveTest((exchange) => {
      const nowMs = performance.now()
      servedFirstMs ??= nowMs
      const inStall = nowMs - servedFirstMs >= 100 && nowMs - servedFirstMs < 300
      setTimeout(() => helloHttp3(exchange), inStall ? servedFirstMs + 300 - nowMs : 0)
    })
    const result = await runLoad({ url: server.url, ...short, connections: 1, durationS: 0.5, rateQps: 100 })
    expect([result.requests, result.errors]).toEqual([50, 0])
    expect(result.latencyMs.p90).toBeGreaterThan(100)
    expect(result.latencyMs.max).toBeGreaterThan(180)
  })

  test('sends method, path, host and headers', async () => {
    const seen = new Set<string>()
    await using server = await serveTest((exchange) => {
      const { method, path, authority, scheme, fields } = exchange.request
      seen.add(JSON.stringify([method, scheme, authority, path, fields]))
      return helloHttp3(exchange)
    })
    const url = `${server.url}a/b?c=1`
    const headers = { 'X-Some': ' thing ', Host: 'shop.example', ['__proto__']: 'y' }
    expect(await runLoad({ url, ...short, method: 'DELETE', headers })).toMatchObject({ errors: 0 })
    const fields = [
      ['x-some', 'thing'],
      ['__proto__', 'y'],
    ]
    expect([...seen]).toEqual([JSON.stringify(['DELETE', 'https', 'shop.example', '/a/b?c=1', fields])])
  })

  test.each([5, 65_535, 200_000])('takes %i bytes there and back, within the windows of both', async (bytes) => {
    const lengths = new Set<number>()
    await using server = await serveTest(
      async (exchange) => {
        const body = await exchange.collect()
        lengths.add(body.length)
        exchange.respond(200, [], body)
      },
      { limits: { streamWindowBytes: 65_536, connectionWindowBytes: 131_072 } },
    )
    const body = 'b'.repeat(bytes)
    // Our own windows are the smallest there are, so that they have to be opened again and again.
    const options = { method: 'POST', body, pipeline: 3, connections: 2, windowBytes: 65_535, durationS: 1.5 }
    const result = await runLoad({ url: server.url, ...short, ...options })
    expect(result).toMatchObject({ errors: 0, status: { 200: result.requests } })
    expect(result.requests).toBeGreaterThan(0)
    expect([...lengths]).toEqual([bytes])
  })

  test('counts an answer that comes before its request has ended, and goes on', async () => {
    await using server = await serveTest(helloHttp3)
    const result = await runLoad({ url: server.url, ...short, method: 'POST', body: 'b'.repeat(100_000), pipeline: 2 })
    expect(result.errors).toBe(0)
    expect(result.requests).toBeGreaterThan(8)
  })

  test('keeps to fewer streams than were asked for, and says so', async () => {
    let [most, now] = [0, 0]
    await using server = await serveTest(
      (exchange) => {
        most = Math.max(most, ++now)
        setTimeout(() => {
          now--
          void helloHttp3(exchange)
        }, 5)
      },
      { limits: { streamsMax: 3 } },
    )
    const result = await runLoad({ url: server.url, ...short, connections: 1, pipeline: 8 })
    expect([most, result.errors, result.valid]).toEqual([3, 0, false])
    expect(result.reasons).toContainEqual(
      expect.stringMatching(/^the server allows 3 streams in flight .* the 8 asked for/),
    )
  })

  test('takes an answer without content, and one to HEAD', async () => {
    await using server = await serveTest((exchange) => exchange.respond(204, []))
    expect(await runLoad({ url: server.url, ...short })).toMatchObject({
      errors: 0,
      status: { 204: expect.any(Number) },
    })
    await using other = await serveTest(helloHttp3)
    const result = await runLoad({ url: other.url, ...short, method: 'HEAD' })
    expect(result).toMatchObject({ errors: 0, status: { 200: result.requests } })
  })

  test('generates from several threads, and from a process of its own', async () => {
    await using server = await serveTest(helloHttp3)
    const result = await runLoad({ url: server.url, ...short, threads: 2, rateQps: 200 })
    expect(result).toMatchObject({ threads: 2, requests: 80, errors: 0, status: { 200: 80 } })
    expect(await runLoadProcess({ url: server.url, ...short, rateQps: 100 })).toMatchObject({ requests: 40, errors: 0 })
  })

  test('does not outlive who has asked for it, however that dies', async () => {
    let served = 0
    await using server = await serveTest((exchange) => {
      served++
      return helloHttp3(exchange)
    })
    const script = fileURLToPath(new URL('doomed-parent.ts', import.meta.url))
    const parent = spawn(process.execPath, ['--conditions=@qps/source', script, server.url, 'h3'], {
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: 20_000,
    })
    await expect.poll(() => served, { timeout: 10_000 }).toBeGreaterThan(10)
    parent.kill('SIGKILL')
    await once(parent, 'exit')
    const isQuiet = async (): Promise<boolean> => {
      const before = served
      await sleep(300)
      return served === before
    }
    await expect.poll(isQuiet, { timeout: 8000 }).toBe(true)
  })

  test('ends early where it is aborted, with what was measured until then', async () => {
    await using server = await serveTest(helloHttp3)
    const result = await runLoad({ url: server.url, ...short, durationS: 30, signal: AbortSignal.timeout(500) })
    expect(result).toMatchObject({ errors: 0, valid: false })
    expect(result.reasons).toContainEqual(expect.stringMatching(/^ended early by the caller/))
    expect(result.durationS).toBeLessThan(10)
  })

  test('opens so many connections, and closes them in order', async () => {
    const used = new Set<object>()
    await using server: TestHttp3 = await serveTest((exchange) => {
      used.add(sessionOf(server, exchange))
      return helloHttp3(exchange)
    })
    const result = await runLoad({ url: server.url, ...short, connections: 20, rateQps: 200 })
    expect([used.size, result.errors]).toEqual([20, 0])
    // A connection that has gone without a word would be held for its idle time.
    await expect.poll(() => server.running.server.sessions.size, { timeout: 5000 }).toBe(0)
  })
})

withQuic('a server of HTTP/3', () => {
  test('is trusted by its authority, and by nobody else unless anybody is', async () => {
    await using server = await serveTest(helloHttp3)
    const { ca: _, ...untrusting } = short
    for (const ca of [undefined, createAuthority().cert]) {
      await expect(runLoad({ url: server.url, ...untrusting, ...(ca && { ca }) })).rejects.toMatchObject({
        code: 'QPS_UNREACHABLE',
        message: expect.stringContaining('its certificate is not trusted') as string,
        hint: expect.stringContaining('--cacert') as string,
      })
    }
    expect(await runLoad({ url: server.url, ...untrusting, insecure: true })).toMatchObject({ errors: 0 })
  })

  test.each(['127.0.0.1', 'localhost'])('must have a certificate for its name: %s', async (host) => {
    const other = authority.issue({ hosts: ['other.test'] })
    await using right = await serveTest(helloHttp3, credentials)
    await using wrong = await serveTest(helloHttp3, other)
    const urlOf = ({ running }: typeof right): string => `https://${host}:${running.port}/`
    expect(await runLoad({ url: urlOf(right), ...short, durationS: 0.1 })).toMatchObject({ errors: 0 })
    await expect(runLoad({ url: urlOf(wrong), ...short })).rejects.toMatchObject({
      code: 'QPS_UNREACHABLE',
      message: expect.stringContaining('not trusted') as string,
    })
  })

  test('that says goodbye loses only what it had not begun, and the load goes on over a new connection', async () => {
    let sessions = 0
    const left = new Set<object>()
    await using server = await serveTest(helloHttp3)
    const leaving = setInterval(() => {
      for (const session of server.running.server.sessions) {
        if (left.has(session)) continue
        left.add(session)
        sessions++
        if (sessions > 1 && sessions < 8) setTimeout(() => session.giveNotice(), 20)
      }
    }, 5)
    const result = await runLoad({ url: server.url, ...short, connections: 2, durationS: 1 })
    clearInterval(leaving)
    expect(sessions).toBeGreaterThan(2)
    // "Stop soon" names no request: nothing is lost.
    expect(result.errors).toBe(0)
    expect(result.requests).toBeGreaterThan(4)
  })

  test('that stops in order ends the run, without an error', async () => {
    let served = 0
    const server: TestHttp3 = await serveTest(
      (exchange) => {
        void helloHttp3(exchange)
        if (++served === 5) void server.running.drain()
      },
      { limits: { drainGraceMs: 50 } },
    )
    const result = await runLoad({ url: server.url, ...short, connections: 2, rateQps: 20, durationS: 30 })
    expect(Object.entries(result.errorsByKind).filter(([, count]) => count > 0)).toEqual([])
    expect(result.requests).toBeGreaterThanOrEqual(5)
    expect(result.reasons).toContainEqual(expect.stringMatching(/^server stopped listening after \d\.\d s/))
  })

  test('that resets a stream makes an error of kind stream, and no other is touched', async () => {
    let served = 0
    await using server = await serveTest((exchange) => {
      if (served++ % 4 === 3) exchange.reset(errorCode.internalError)
      else return helloHttp3(exchange)
    })
    const result = await runLoad({ url: server.url, ...short, connections: 1, pipeline: 4 })
    expect(result.errors).toBe(result.errorsByKind.stream)
    expect(result.errors).toBeGreaterThan(0)
    expect(result.requests).toBeGreaterThan(result.errors)
  })

  test('has its statuses and lengths checked', async () => {
    let served = 0
    await using server = await serveTest((exchange) => {
      served++
      exchange.respond(served % 5 === 0 ? 503 : 200, [], served % 3 === 0 ? 'hello!' : 'hello')
    })
    const result = await runLoad({ url: server.url, ...short, connections: 1 })
    const { status, length } = result.errorsByKind
    expect(Math.min(status, length)).toBeGreaterThan(0)
    expect(result.errors).toBe(status + length)
    expect(result.status['503']).toBe(status)
  })
})

test('a target of HTTP/3 is one of TLS, on a UDP port of the URL, by its own transport', () => {
  expect(planLoad({ url: 'https://name.test/', protocol: 'h3' })).toMatchObject({
    port: 443,
    transport: 'quic',
    tls: { alpn: 'h3', servername: 'name.test', insecure: false },
    message: { protocol: 'h3', method: 'GET', authority: 'name.test', path: '/' },
  })
})
