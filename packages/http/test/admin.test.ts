import { type Admin, startAdmin } from '@qps/http'
import { rawExchange, statuses } from '@qps/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'

let admin: Admin
let port: number
let ready = true
const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
const endless = { begun: begun.resolve, ended: ended.resolve }
beforeAll(async () => {
  admin = await startAdmin({
    port: 0,
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    ready: () => ready,
    routes: () => ({
      '/extra': async () => ({ contentType: 'text/html', body: '<p>' }),
      '/broken': () => Promise.reject(new Error('secret')),
      '/bytes': async () => ({
        status: 203,
        contentType: 'a/b',
        body: Uint8Array.of(0, 255, 128),
        filename: 'some.bin',
      }),
      '/endless': (_query, signal) =>
        new Promise((_resolve, reject) => {
          endless.begun()
          signal.addEventListener('abort', () => {
            endless.ended()
            reject(signal.reason)
          })
        }),
    }),
    actions: { '/act': async (query) => ({ contentType: 'text/plain', body: `did ${query.get('what')}` }) },
  })
  port = Number(new URL(admin.url).port)
})
afterAll(() => admin.close())

test('pages', async () => {
  const metrics = await fetch(`${admin.url}/metrics`)
  expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4')
  expect(await metrics.text()).toBe('up 1\n')
  expect((await fetch(`${admin.url}/healthz`)).status).toBe(200)
  expect(await (await fetch(`${admin.url}/extra?x`)).text()).toBe('<p>')
})

test('a page of bytes, with a status and a name of its own', async () => {
  const answer = await fetch(`${admin.url}/bytes`)
  expect(answer.status).toBe(203)
  expect(answer.headers.get('content-disposition')).toBe('attachment; filename="some.bin"')
  expect([...(await answer.bytes())]).toEqual([0, 255, 128])
})

test('a page learns that nobody waits for it any more', async () => {
  const leave = new AbortController()
  const answer = fetch(`${admin.url}/endless`, { signal: leave.signal }).catch(() => 'left')
  await begun.promise
  leave.abort()
  expect(await answer).toBe('left')
  await ended.promise
})

test.each([
  ['an image on another page', 'cross-site', 'image', 403],
  ['a frame in another page', 'cross-site', 'iframe', 403],
  ['a link on another page', 'cross-site', 'document', 200],
  ['a page of this machine', 'same-site', 'image', 200],
  ['an address that was typed', 'none', 'document', 200],
])('%s', async (_what, site, destination, status) => {
  const { text } = await rawExchange(
    port,
    `GET /metrics HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: ${site}\r\nSec-Fetch-Dest: ${destination}\r\nConnection: close\r\n\r\n`,
  )
  expect(statuses(text)).toEqual([status])
})

test('an action is done by POST only', async () => {
  expect(await (await fetch(`${admin.url}/act?what=it`, { method: 'POST' })).text()).toBe('did it')
  const asked = await fetch(`${admin.url}/act?what=it`)
  expect(asked.status).toBe(405)
  expect(asked.headers.get('allow')).toBe('POST')
})

test('readiness follows the server', async () => {
  expect((await fetch(`${admin.url}/readyz`)).status).toBe(200)
  ready = false
  expect((await fetch(`${admin.url}/readyz`)).status).toBe(503)
  ready = true
})

test('errors are JSON and say nothing of the cause', async () => {
  for (const [path, method, status] of [
    ['/nope', 'GET', 404],
    ['/metrics', 'POST', 405],
    ['/broken', 'GET', 500],
  ] as const) {
    const response = await fetch(admin.url + path, { method })
    expect(response.status).toBe(status)
    expect(await response.text()).toMatch(/^\{"error":\{"code":"[a-z_]+","message":"((?!secret).)*"\}\}$/)
  }
})

test.each(['evil.example', 'evil.example:9464', '127.0.0.1.evil.example', '', '10.0.0.1'])(
  'a Host that is not loopback is refused: %j',
  async (host) => {
    const { text } = await rawExchange(port, `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    expect(statuses(text)).toEqual([403])
  },
)

test.each(['localhost', 'localhost:9464', '127.0.0.1', '127.1.2.3:1', '[::1]:9464'])(
  'a loopback Host is served: %s',
  async (host) => {
    const { text } = await rawExchange(port, `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    expect(statuses(text)).toEqual([200])
  },
)

test('bound elsewhere on purpose, any Host is served', async () => {
  const open = await startAdmin({
    host: '0.0.0.0',
    port: 0,
    metrics: async () => ({ contentType: 'a/b', body: '' }),
    ready: () => true,
  })
  const request = 'GET /metrics HTTP/1.1\r\nHost: metrics.internal\r\nConnection: close\r\n\r\n'
  const { text } = await rawExchange(Number(new URL(open.url).port), request)
  await open.close()
  expect(statuses(text)).toEqual([200])
})
