import { setTimeout as sleep } from 'node:timers/promises'
import { serveHttp2 } from '@qps/http2'
import { describe, expect, test } from 'vitest'
import {
  ask,
  closed,
  frame,
  getRoot,
  rawClient,
  reset,
  serveSurface,
  session,
  settings,
  windowUpdate,
} from './support.ts'

const ids = (count: number): number[] => Array.from({ length: count }, (_, index) => 1 + 2 * index)

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
    const attacker = await rawClient(server.port)
    attacker.write(Buffer.concat([settings(), ...ids(20_000).flatMap((id) => [getRoot(id), reset(id)])]))
    await closed(attacker, 2_000)
    expect(handlers).toBeLessThanOrEqual(150)
    expect(refused).toEqual(['rapid-reset'])
    expect((await ask(bystander, { ':path': '/' })).status).toBe(200)
  })

  test('in small pieces, turn by turn, it is the same', async () => {
    let handlers = 0
    await using server = await serveHttp2({ port: 0 }, () => handlers++)
    const attacker = await rawClient(server.port)
    attacker.write(settings())
    const ended = closed(attacker, 5_000)
    for (const id of ids(400)) {
      if (attacker.destroyed) break
      attacker.write(Buffer.concat([getRoot(id), reset(id)]))
      await sleep(1)
    }
    await ended
    expect(handlers).toBeLessThanOrEqual(60)
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
  const emptyData = (id: number): Buffer => frame(0, 0, id)
  const openStream = getRoot(1, false)
  /** MadeYouReset, CVE-2025-8671: the server resets, because a window beyond 2^31 - 1 is an error of the stream (RFC 9113 section 6.9.1). */
  const madeYouReset = ids(5_000).flatMap((id) => [getRoot(id, false), windowUpdate(id, 2 ** 31 - 1)])
  const floods: [string, Buffer[]][] = [
    ['MadeYouReset', madeYouReset],
    [
      'CONTINUATION',
      [frame(1, 0, 1, Buffer.from([0x82])), ...ids(20_000).map(() => frame(9, 0, 1, Buffer.from([0x86])))],
    ],
    ['empty DATA', [openStream, ...ids(50_000).map(() => emptyData(1))]],
    ['SETTINGS', ids(50_000).map(() => settings([3, 100]))],
    ['PING', ids(50_000).map(() => frame(6, 0, 0, Buffer.alloc(8)))],
    ['RST_STREAM of nothing', ids(20_000).map((id) => reset(id))],
  ]

  test.each(floods)('%s: the session ends, or nothing grows', async (_name, frames) => {
    await using server = await serveSurface()
    const before = process.memoryUsage.rss()
    const attacker = await rawClient(server.port)
    // Not reading: what the server must answer piles up on its side.
    attacker.write(Buffer.concat([settings(), ...frames]))
    await sleep(700)
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024)
    using bystander = await session(server.port)
    expect((await ask(bystander, { ':path': '/' })).status).toBe(200)
    attacker.destroy()
  })

  test.each([
    ['a window beyond its bound', (id: number) => [getRoot(id, false), windowUpdate(id, 2 ** 31 - 1)]],
    ['content behind the end', (id: number) => [getRoot(id), frame(0, 0, id, Buffer.from('more'))]],
  ])('MadeYouReset by %s: at most 150 handlers are started, and the session ends at once', async (_name, frames) => {
    let handlers = 0
    await using server = await serveHttp2({ port: 0 }, () => handlers++)
    const attacker = await rawClient(server.port)
    attacker.write(Buffer.concat([settings(), ...ids(5_000).flatMap(frames)]))
    await closed(attacker, 2_000)
    expect(handlers).toBeLessThanOrEqual(150)
  })
})
