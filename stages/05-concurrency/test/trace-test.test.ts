import { startStage, type StageProcess } from '@qps/testkit'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { folder, variants } from './variants.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${traceId}-b7ad6b7169203331-01`

interface Received {
  headers: IncomingMessage['headers']
  body: unknown
}

describe.each(variants)('POST /test of %s', (variant) => {
  let stage: StageProcess
  let received: Received[] = []
  const harness = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    received.push({ headers: request.headers, body: JSON.parse(Buffer.concat(pieces).toString()) })
    response.writeHead(request.url === '/moved' ? 302 : 200, { location: 'http://127.0.0.1:1/' }).end('secret')
  })
  const target = (path = '/'): string => `http://127.0.0.1:${(harness.address() as AddressInfo).port}${path}`
  const post = async (
    list: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: unknown }> => {
    received = []
    const body = typeof list === 'string' ? list : JSON.stringify(list)
    const answer = await fetch(`${stage.url}/test`, { method: 'POST', body, headers })
    return { status: answer.status, body: await answer.json() }
  }

  beforeAll(async () => {
    await new Promise<void>((ready) => harness.listen(0, '127.0.0.1', ready))
    stage = await startStage(folder, ['--variant', variant])
  })
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]()
    harness.closeAllConnections()
    harness.close()
  })

  test('posts the arguments with the trace, each with a parent of its own, and less time', async () => {
    const list = [1, 2, 3].map((number) => ({ url: target(), arguments: [{ number }] }))
    const headers = { traceparent, tracestate: 'a=1,b=2', 'x-request-timeout-ms': '3000' }
    const { status, body } = await post(list, headers)
    expect(status).toBe(200)
    expect(body).toEqual(list.map(({ url }) => ({ url, status: 200 })))
    expect(received.map((each) => JSON.stringify(each.body)).toSorted()).toEqual(
      list.map((each) => JSON.stringify(each.arguments)),
    )
    const parents = received.map((each) => String(each.headers['traceparent']))
    for (const parent of parents)
      expect(parent).toMatch(new RegExp(`^00-${traceId}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`))
    expect(new Set(parents).size).toBe(3)
    for (const { headers: sent } of received) {
      expect(sent['tracestate']).toBe('a=1,b=2')
      expect(Number(sent['x-request-timeout-ms'])).toBeLessThan(3_000)
    }
  })

  test('begins a trace where none, or none that is valid, has come', async () => {
    for (const headers of [{}, { traceparent: 'ff-1-2-3', tracestate: 'a=1' }] as Record<string, string>[]) {
      await post(
        [
          { url: target(), arguments: [] },
          { url: target(), arguments: [] },
        ],
        headers,
      )
      const traces = received.map((each) => String(each.headers['traceparent']).split('-')[1])
      expect(traces[0]).toMatch(/^[0-9a-f]{32}$/)
      expect(traces[1]).toBe(traces[0])
      expect(received[0]!.headers['tracestate']).toBeUndefined()
    }
  })

  test('goes on where it is nested, and shows no more of an answer than its status', async () => {
    const inner = [{ url: target('/moved'), arguments: [] }]
    const { body } = await post([{ url: `${stage.url}/test`, arguments: inner }], { traceparent })
    expect(body).toEqual([{ url: `${stage.url}/test`, status: 200 }])
    expect(received).toHaveLength(1)
    expect(received[0]!.headers['traceparent']).toContain(traceId)
    // The redirect is not followed.
    expect((await post(inner)).body).toEqual([{ url: target('/moved'), status: 302 }])
  })

  test('what cannot be reached is told as that', async () => {
    const url = 'http://127.0.0.1:1/'
    expect(await post([{ url, arguments: [] }])).toEqual({ status: 200, body: [{ url, status: 'unreachable' }] })
  })

  test.each([
    ['no JSON', '{'],
    ['no list', { url: 'http://127.0.0.1/', arguments: [] }],
    ['an entry without a url', [{ arguments: [] }]],
    ['an entry that is null', [null]],
    ['another host', [{ url: 'http://192.0.2.1/', arguments: [] }]],
    ['another host that looks like this one', [{ url: 'http://127.0.0.1.example.org/', arguments: [] }]],
    ['another scheme', [{ url: 'file:///etc/passwd', arguments: [] }]],
    ['credentials', [{ url: 'http://a:b@127.0.0.1/', arguments: [] }]],
    ['too many', Array.from({ length: 17 }, () => ({ url: 'http://127.0.0.1:1/', arguments: [] }))],
    ['too much', [{ url: 'http://127.0.0.1:1/', arguments: ['x'.repeat(70_000)] }]],
  ])('refuses %s with 400', async (_what, list) => {
    const { status, body } = await post(list)
    expect(status).toBe(400)
    expect(body).toMatchObject({ error: { code: 'bad_test' } })
    expect(received).toEqual([])
  })
})

test('--test-hosts allows what is not loopback', async () => {
  await using stage = await startStage(folder, ['--variant', 'baseline', '--test-hosts', 'no-such-host.invalid'])
  const url = 'http://no-such-host.invalid/'
  const answer = await fetch(`${stage.url}/test`, { method: 'POST', body: JSON.stringify([{ url, arguments: [] }]) })
  expect(await answer.json()).toEqual([{ url, status: 'unreachable' }])
})
