import { setTimeout as sleep } from 'node:timers/promises'
import { serveHttp2, surfaceHandler } from '@qps/http2'
import { describe, expect, test } from 'vitest'
import { getRoot, http2Floods, rapidReset, rawHttp2, reset, settings, socketClosed, streamIds } from '@qps/testkit'
import { ask, session } from './support.ts'

describe('S9 rapid reset', () => {
  test('20,000 resets start at most 150 handlers and end the session at once; others go on', async () => {
    let handlers = 0
    const refused: string[] = []
    await using server = await serveHttp2({ port: 0, onRefused: (reason) => refused.push(reason) }, (stream) => {
      handlers++
      const timer = setTimeout(() => {
        if (stream.destroyed) return
        stream.respond({ ':status': 200 })
        stream.end('late')
      }, 20)
      stream.once('close', () => clearTimeout(timer))
    })
    using bystander = await session(server.port)
    const attacker = await rawHttp2(server.port)
    attacker.write(Buffer.concat([settings(), rapidReset()]))
    await socketClosed(attacker, 2_000)
    expect(handlers).toBeLessThanOrEqual(150)
    expect(refused).toEqual(['rapid-reset'])
    expect((await ask(bystander, { ':path': '/' })).status).toBe(200)
  })

  test('also where each is answered before the reset is read', async () => {
    let handlers = 0
    const refused: string[] = []
    const options = { port: 0, onRefused: (reason: string) => refused.push(reason) }
    await using server = await serveHttp2(options, (stream, headers, guard) => {
      handlers++
      surfaceHandler(stream, headers, guard)
    })
    const attacker = await rawHttp2(server.port)
    attacker.write(Buffer.concat([settings(), rapidReset()]))
    await socketClosed(attacker, 2_000)
    expect(handlers).toBeLessThanOrEqual(150)
    expect(refused).toEqual(['rapid-reset'])
  })

  test('in small pieces, turn by turn, it is the same', async () => {
    let handlers = 0
    await using server = await serveHttp2({ port: 0 }, () => handlers++)
    const attacker = await rawHttp2(server.port)
    attacker.write(settings())
    const ended = socketClosed(attacker, 5_000)
    for (const id of streamIds(400)) {
      if (attacker.destroyed) break
      attacker.write(Buffer.concat([getRoot(id), reset(id)]))
      await sleep(1)
    }
    await ended
    expect(handlers).toBeLessThanOrEqual(60)
  })

  test('a client that uses every stream that it may, over and over, is no flood', async () => {
    const refused: string[] = []
    await using server = await serveHttp2({ port: 0, onRefused: (reason) => refused.push(reason) }, (stream) => {
      setTimeout(() => {
        stream.respond({ ':status': 200 })
        stream.end('x')
      }, 1)
    })
    using client = await session(server.port)
    const asking = Array.from({ length: 100 }, async () => {
      for (let count = 0; count < 20; count++) expect((await ask(client, { ':path': '/' })).status).toBe(200)
    })
    await Promise.all(asking)
    expect(refused).toEqual([])
  })

  test('a client that cancels now and then is no flood', async () => {
    await using server = await serveHttp2({ port: 0 }, () => {})
    using client = await session(server.port)
    for (let burst = 0; burst < 2; burst++) {
      const streams = Array.from({ length: 12 }, () => client.request({ ':path': '/' }))
      for (const stream of streams) stream.on('error', () => {}).close(8)
      await sleep(50)
    }
    expect(client.destroyed).toBe(false)
    expect(server.guard.inFlight).toBe(0)
  })
})

describe('S10 floods', () => {
  test.each([...http2Floods])('%s: the session ends, or nothing grows', async (_name, flood) => {
    let handlers = 0
    await using server = await serveHttp2({ port: 0 }, (stream, headers, guard) => {
      handlers++
      surfaceHandler(stream, headers, guard)
    })
    const bytes = flood()
    const before = process.memoryUsage.rss()
    const attacker = await rawHttp2(server.port)
    // Not reading: what the server must answer piles up on its side.
    attacker.write(Buffer.concat([settings(), bytes]))
    await sleep(700)
    expect(handlers).toBeLessThanOrEqual(150)
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024)
    using bystander = await session(server.port)
    expect((await ask(bystander, { ':path': '/' })).status).toBe(200)
    attacker.destroy()
  })
})
