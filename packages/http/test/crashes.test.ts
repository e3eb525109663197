import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RequestInfo } from '@qps/http'
import { rawExchange, statuses } from '@qps/testkit'
import { expect, test } from 'vitest'
import { startHardened } from './start.ts'

test('a failing handler is 500 without its cause, which is logged as JSON', async () => {
  const lines: string[] = []
  await using server = await startHardened({
    logLevel: 'warn',
    logStream: { write: (line) => void lines.push(line) },
    routes: (app) => {
      app.get('/throws', () => Promise.reject(new Error('secret')))
      app.get('/throws/*', () => Promise.reject(new Error('se\ncret')))
    },
  })
  const response = await fetch(`${server.url}/throws`)
  expect(response.status).toBe(500)
  expect(await response.text()).not.toContain('secret')
  await rawExchange(server.port, 'GET /throws/\x80"{}\u001b HTTP/1.1\r\nHost: a\r\n\r\n', { timeoutMs: 200 })
  expect(lines.length).toBeGreaterThan(0)
  for (const line of lines) {
    expect(line.trimEnd()).not.toContain('\n')
    expect(JSON.parse(line)).toMatchObject({ msg: 'request failed' })
  }
})

test('clients that vanish at any point leave the server up and nothing behind', async () => {
  await using server = await startHardened({
    routes: (app) => void app.get('/late', () => sleep(100, 'late')),
  })
  const heads = [
    'GET /late HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc',
    'GET / HT',
    'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n' + 'x'.repeat(1_048_576),
    'bad\r\n\r\n',
  ]
  for (const head of heads) {
    for (const delayMs of [0, 1, 5, 20]) {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {})
      socket.write(head)
      await sleep(delayMs)
      socket.resetAndDestroy()
    }
  }
  await sleep(300)
  expect((await fetch(server.url, { headers: { connection: 'close' } })).status).toBe(200)
  await sleep(50)
  expect(server.guard.inFlight).toBe(0)
  expect(server.guard.connections).toBe(0)
})

test('each answered request is reported once, under its route', async () => {
  const done: RequestInfo[] = []
  await using server = await startHardened({ onRequestDone: (info) => done.push(info) })
  const request = (method: string, path: string): string => `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
  const bytes = [request('GET', '/?x'), request('POST', '/echo'), request('GET', '/a/b'), request('PUT', '/plaintext')]
  const { text } = await rawExchange(server.port, bytes.join(''), { timeoutMs: 300 })
  expect(statuses(text)).toEqual([200, 200, 404, 405])
  expect(done.map(({ method, route, status }) => `${method} ${route} ${status}`)).toEqual([
    'GET / 200',
    'POST /echo 200',
    'GET unmatched 404',
    'PUT unmatched 405',
  ])
  for (const { seconds } of done) expect(seconds).toBeLessThan(1)
})

test('a client that left is reported as 499, a body cut at the limit as 413', async () => {
  const done: RequestInfo[] = []
  await using server = await startHardened({ onRequestDone: (info) => done.push(info) })
  const socket = connect(server.port, '127.0.0.1')
  socket.write('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n')
  await sleep(50)
  socket.resetAndDestroy()
  const chunk = `100000\r\n${'x'.repeat(1_048_576)}\r\n`
  const head = 'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
  const { text } = await rawExchange(server.port, head + chunk + chunk)
  expect(statuses(text)).toEqual([413])
  await sleep(50)
  expect(done.map(({ status }) => status)).toEqual([499, 413])
})

test('no byte in a header field makes an answer fail', async () => {
  await using server = await startHardened()
  for (let byte = 1; byte < 256; byte++) {
    const type = `text/x${String.fromCharCode(byte)}; q=${String.fromCharCode(byte)}`
    const fields = `Content-Type: ${type}\r\nX-Request-Id: ${type}\r\nTraceparent: ${type}\r\n`
    const { text } = await rawExchange(
      server.port,
      `POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}Content-Length: 2\r\n\r\nhi`,
    )
    expect([200, 400]).toContain(statuses(text)[0])
  }
})
