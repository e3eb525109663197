import { once } from 'node:events'
import { connect } from 'node:http2'
import { type AddressInfo, createServer } from 'node:net'
import { createHttp2, serveHttp2, surfaceHandler } from '@qps/http2'
import { createAuthority } from '@qps/tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { getRoot, rawHttp2, settings, windowUpdate } from '@qps/testkit'
import { ask, serveSurface, session } from './support.ts'

test('what is under way is answered, GOAWAY comes twice, and the sessions end', async () => {
  const server = await serveHttp2({ port: 0 }, (stream) => {
    setTimeout(() => {
      stream.respond({ ':status': 200 })
      stream.end('done')
    }, 300)
  })
  using client = await session(server.port)
  const farewells: number[] = []
  client.on('goaway', (_code, last) => farewells.push(last))
  const answers = Array.from({ length: 20 }, () => ask(client, { ':path': '/' }))
  await sleep(50)
  const report = await server.drain()
  for (const { status, body } of await Promise.all(answers)) expect([status, String(body)]).toEqual([200, 'done'])
  expect(report).toMatchObject({ completed: 20, dropped: 0 })
  expect(farewells[0]).toBe(2 ** 31 - 1)
  expect(report.ms).toBeLessThan(3_000)
})

test('requests that come between the two are answered', async () => {
  const server = await serveSurface()
  // Node's own client sends nothing any more once it has read the first one: a client that has not yet does.
  const client = await rawHttp2(server.port)
  client.write(Buffer.concat([settings(), getRoot(1)]))
  let received = Buffer.alloc(0)
  client.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])))
  await sleep(50)
  const drained = server.drain()
  await sleep(50)
  client.write(getRoot(3))
  await sleep(50)
  expect(received.toString('latin1').split('"ts"').length - 1).toBe(2)
  expect(await drained).toMatchObject({ completed: 1, dropped: 0 })
})

test('what is left at the limit is cut and counted', async () => {
  const server = await serveHttp2({ port: 0 }, () => {})
  using client = await session(server.port)
  const lost = ask(client, { ':path': '/' }).then(
    ({ status }) => status,
    () => 'cut',
  )
  await sleep(50)
  const report = await server.drain(400)
  expect(report).toMatchObject({ completed: 0, dropped: 1 })
  expect([0, 'cut']).toContain(await lost)
})

test('a client that takes nothing, and much later goes on, does not end the process', async () => {
  const server = await serveHttp2({ port: 0 }, (stream) => {
    stream.respond({ ':status': 200 })
    const piece = Buffer.alloc(65_536)
    const more = (): void => {
      while (stream.writable && stream.write(piece));
    }
    stream.on('drain', more)
    more()
  })
  const client = await rawHttp2(server.port)
  client.pause()
  // Windows that hold back nothing: output waits for the socket.
  const largest = 2 ** 31 - 1
  client.write(Buffer.concat([settings([4, largest]), windowUpdate(0, largest - 65_535), getRoot(1)]))
  await sleep(300)
  const drained = server.drain(800)
  await sleep(100)
  client.resume()
  // Before this was seen to, Node ended here with "Assertion failed: is_write_in_progress()".
  expect(await drained).toMatchObject({ dropped: 1 })
})

test('over TLS what is under way is answered, and there is one farewell', async () => {
  const authority = createAuthority()
  const secure = authority.issue({ hosts: ['localhost'] })
  const server = await serveHttp2({ port: 0, secure }, (stream) => {
    setTimeout(() => {
      stream.respond({ ':status': 200 })
      stream.end('done')
    }, 200)
  })
  const client = connect(`https://localhost:${server.port}`, { ca: authority.cert })
  const farewells: number[] = []
  client.on('goaway', (_code, last) => farewells.push(last))
  const answers = Array.from({ length: 20 }, () => ask(client, { ':path': '/' }))
  await sleep(100)
  const report = await server.drain()
  for (const { status, body } of await Promise.all(answers)) expect([status, String(body)]).toEqual([200, 'done'])
  expect(report).toMatchObject({ completed: 20, dropped: 0 })
  expect(farewells).toEqual([39])
})

test('a source of connections is waited for: who comes while it is open is answered', async () => {
  const { server, drain } = createHttp2({}, surfaceHandler)
  const listener = createServer((socket) => server.emit('connection', socket)).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const source = {
    get listening() {
      return listener.listening
    },
    connecting: 0,
    close: () => void listener.close(),
  }
  let isOver = false
  const drained = drain(5_000, source).finally(() => (isOver = true))
  await sleep(400)
  expect(isOver).toBe(false)
  using late = await session((listener.address() as AddressInfo).port)
  const answer = ask(late, { ':path': '/' })
  await sleep(50)
  source.close()
  expect((await answer).status).toBe(200)
  expect(await drained).toMatchObject({ completed: 1, dropped: 0 })
})
