import { createHardenedServer, listen } from '@qps/http'
import { Router, serve } from '@qps/http1'
import { rawExchange, statuses } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { hardenedVariants, start } from './variants.ts'

const hostile = ['__proto__', 'constructor', 'prototype', 'toString', '__defineGetter__']
const query = hostile.map((name) => `${name}=1&${name}[x]=1&${name}.x=1`).join('&')

describe.each(hardenedVariants)('S12 prototype pollution: $variant', (variant) => {
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
