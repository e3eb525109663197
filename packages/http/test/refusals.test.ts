import { ambiguousRequests, rawExchange, statuses } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { startHardened } from './start.ts'

const behind = 'GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n'
const host = 'Host: a\r\n'

describe('requests that a proxy might read another way', () => {
  test.each(ambiguousRequests)('%s: 400, close, and nothing behind it is answered', async (_name, request) => {
    await using server = await startHardened()
    const { text, closed } = await rawExchange(server.port, request + behind.repeat(3))
    expect(statuses(text)).toEqual([400])
    expect(text).toMatch(/\r\nConnection: close\r\n/)
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))).toEqual({
      error: { code: expect.any(String), message: expect.any(String) },
    })
    expect(closed).toBe('end')
  })

  test('what came before a refused request is answered first, even if that takes a while', async () => {
    await using server = await startHardened({
      routes: (app) => void app.get('/late', async () => new Promise((resolve) => setTimeout(resolve, 200, 'late'))),
    })
    const late = `GET /late HTTP/1.1\r\n${host}\r\n`
    for (const bad of ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 'nonsense\r\n\r\n']) {
      const { text, closed } = await rawExchange(server.port, late + late + bad + behind)
      expect(statuses(text)).toEqual([200, 200, 400])
      expect(closed).toBe('end')
    }
  })

  test('the answer is the same however the bytes are cut', async () => {
    await using server = await startHardened()
    const request = `POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabcX`
    const { text, closed } = await rawExchange(server.port, [...request], { timeoutMs: 5_000 })
    expect(statuses(text)).toEqual([400])
    expect(closed).toBe('end')
  })
})

describe('refusals reach a client that is still sending', () => {
  const mebibytes = 8
  test.each([
    ['an announced body', `Content-Length: ${mebibytes * 1024 * 1024}\r\n\r\n`, 'x'.repeat(1024 * 1024), 413],
    ['a chunked body', 'Transfer-Encoding: chunked\r\n\r\n', `100000\r\n${'x'.repeat(1024 * 1024)}\r\n`, 413],
    [
      'a malformed request',
      `X : a\r\nContent-Length: ${mebibytes * 1024 * 1024}\r\n\r\n`,
      'x'.repeat(1024 * 1024),
      400,
    ],
  ])('%s of 8 MiB, written before anything is read', async (_name, fields, piece, status) => {
    await using server = await startHardened()
    const pieces = [`POST /echo HTTP/1.1\r\n${host}${fields}`, ...Array.from({ length: mebibytes }, () => piece)]
    const { text } = await rawExchange(server.port, pieces, { readAfterWrite: true, timeoutMs: 8_000 })
    expect(statuses(text)).toEqual([status])
  })

  test('a body that is too large is refused unread: no 100 Continue', async () => {
    await using server = await startHardened()
    const fields = `Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n`
    const { text, closed } = await rawExchange(server.port, `POST /echo HTTP/1.1\r\n${host}${fields}`)
    expect(statuses(text)).toEqual([413])
    expect(closed).toBe('end')
  })

  test('a body within the limit is asked for with 100 Continue', async () => {
    await using server = await startHardened()
    const fields = `Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n`
    const { text } = await rawExchange(server.port, [`POST /echo HTTP/1.1\r\n${host}${fields}`, 'hi'], { pauseMs: 50 })
    expect(statuses(text)).toEqual([100, 200])
  })

  test.each([
    ['Expect: a miracle', 'POST /echo HTTP/1.1\r\nHost: a\r\nExpect: miracle\r\n\r\n', 417],
    ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 405],
  ])('%s', async (_name, request, status) => {
    await using server = await startHardened()
    const { text, closed } = await rawExchange(server.port, request + behind)
    expect(statuses(text)).toEqual([status])
    expect(closed).toBe('end')
  })
})

describe('connection caps', () => {
  test('one address beyond its cap gets 503 with Retry-After, then may come again', async () => {
    const reasons: string[] = []
    await using server = await startHardened({
      limits: { connectionsPerAddressMax: 2 },
      onRefused: (reason) => reasons.push(reason),
      random: () => 0.99,
    })
    const hold = (): ReturnType<typeof rawExchange> => rawExchange(server.port, behind, { timeoutMs: 300 })
    const held = [hold(), hold()]
    await new Promise((resolve) => setTimeout(resolve, 50))
    const refused = await rawExchange(server.port, behind)
    expect(statuses(refused.text)).toEqual([503])
    expect(refused.text).toMatch(/\r\nretry-after: 5\r\n/)
    expect(refused.closed).toBe('end')
    expect((await Promise.all(held)).map(({ text }) => statuses(text))).toEqual([[200], [200]])
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(statuses((await hold()).text)).toEqual([200])
    expect(reasons).toEqual(['address-connections'])
    expect(server.guard.refused).toEqual({ 'address-connections': 1 })
  })

  test('the process beyond its cap gets 503', async () => {
    await using server = await startHardened({ limits: { connectionsMax: 0 } })
    const { text, closed } = await rawExchange(server.port, behind)
    expect(statuses(text)).toEqual([503])
    expect(closed).toBe('end')
  })
})
