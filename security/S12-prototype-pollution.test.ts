import { once } from 'node:events'
import { connect } from 'node:http2'
import { createHardenedServer, listen } from '@qps/http'
import { Router, serve } from '@qps/http1'
import { rawExchange, statuses } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { hardenedHttp2WithOwn, startHttp2 } from './http2-variants.ts'
import { hardenedWithOwn, start } from './variants.ts'

const hostile = ['__proto__', 'constructor', 'prototype', 'toString', '__defineGetter__']
const query = hostile.map((name) => `${name}=1&${name}[x]=1&${name}.x=1`).join('&')

describe.each(hardenedWithOwn('messages'))('S12 prototype pollution: $variant', (variant) => {
  test('hostile names as path, query, header and body change nothing', async () => {
    await using stage = await start(variant)
    for (const name of hostile) {
      expect((await fetch(`${stage.url}/${name}`)).status).toBe(404)
      const fields = `${name}: 1\r\n${name}: 2\r\n`
      const { text } = await rawExchange(
        stage.port,
        `GET /plaintext?${query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`,
      )
      expect(statuses(text)).toEqual([200])
    }
    const body = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'
    const echo = await fetch(`${stage.url}/echo`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    expect(await echo.text()).toBe(body)
  })
})

/** An empty message of gRPC. */
const noMessage = Buffer.alloc(5)

describe.each(hardenedHttp2WithOwn('messages'))('S12 prototype pollution: $name', (variant) => {
  test('hostile names as path, query, field or metadata change nothing', async () => {
    await using stage = await startHttp2(variant)
    const scheme = variant.secure ? 'https' : 'http'
    const session = connect(`${scheme}://127.0.0.1:${stage.http2Port}`, { rejectUnauthorized: false })
    session.on('error', () => {})
    const ask = async (path: string, fields: object, body?: Buffer): Promise<Record<string, unknown>> => {
      const method = body === undefined ? 'GET' : 'POST'
      const stream = session.request({ ':path': path, ':method': method, ...fields }, { endStream: false })
      stream.end(body)
      const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
      await once(stream.resume(), 'close')
      return head
    }
    const fields = Object.fromEntries(hostile.map((name) => [name.toLowerCase(), '1']))
    const call = { te: 'trailers', 'content-type': 'application/grpc' }
    for (const name of hostile) {
      if (variant.call === undefined) expect((await ask(`/${name}`, {}))[':status']).toBe(404)
      // UNIMPLEMENTED.
      else expect((await ask(`/qps.v1.Workload/${name}`, call, noMessage))['grpc-status']).toBe('12')
    }
    const head =
      variant.call === undefined
        ? await ask(`/plaintext?${query}`, fields)
        : await ask(variant.call, { ...fields, ...call }, noMessage)
    expect(head[':status']).toBe(200)
    expect(head['grpc-status']).toBeUndefined()
    expect((await fetch(stage.url)).status).toBe(200)
    session.destroy()
  })
})

test('what handlers get has no prototype, and a hostile JSON body is refused', async () => {
  let seen: { query: unknown; params: unknown; polluted: unknown } | undefined
  const { server, drain } = await createHardenedServer({
    logLevel: 'silent',
    routes: (app) => {
      app.get('/see/:id', async (request) => {
        seen = { query: request.query, params: request.params, polluted: ({} as Record<string, unknown>)['x'] }
        return 'seen'
      })
      app.post('/json', async (request) => request.body)
    },
  })
  const url = await listen(server, { host: '127.0.0.1', port: 0 })
  await fetch(`${url}/see/__proto__?${query}`)
  for (const parsed of [seen!.query, seen!.params]) expect('hasOwnProperty' in (parsed as object)).toBe(false)
  expect(Object.keys(seen!.query as object)).toContain('__proto__')
  expect(seen!.polluted).toBeUndefined()
  const body = '{"__proto__":{"x":1}}'
  const answer = await fetch(`${url}/json`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  expect(answer.status).toBe(400)
  await drain(0)
})

test('params and headers of http1 have no prototype, and hostile names in them are names like any other', async () => {
  let seen: Readonly<Record<string, string>>[] = []
  const router = new Router().get('/see/:__proto__/:id', (request, response) => {
    seen = [request.params, request.headers]
    response.end()
  })
  await using serving = await serve({ port: 0 }, router.handler)
  const fields = hostile.map((name) => `${name}: 1\r\n`).join('')
  await rawExchange(
    serving.port,
    `GET /see/__proto__/constructor HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`,
  )
  for (const parsed of seen) expect(Object.getPrototypeOf(parsed)).toBeNull()
  expect(Object.entries(seen[0]!)).toEqual([
    ['__proto__', '__proto__'],
    ['id', 'constructor'],
  ])
  for (const name of hostile) expect(Object.keys(seen[1]!)).toContain(name.toLowerCase())
  expect(({} as Record<string, unknown>)['id']).toBeUndefined()
})
