import { serveHttp2 } from '@qps/http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { getRoot, rawHttp2, settings } from '@qps/testkit'
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
