import { ManualClock } from '@qps/core'
import { serveHttp2 } from '@qps/http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { frame, getRoot, rawHttp2, settings, socketClosed } from '@qps/testkit'
import { ask, serveSurface, session } from './support.ts'

/** Moves the clock in steps of a sweep, with turns of the real loop between them. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    clock.advance(Math.min(250, left))
    await sleep(2)
  }
}

describe('S11 readers', () => {
  test('a session whose window is closed ends within 10 s; one that reads goes on', async () => {
    const clock = new ManualClock()
    const refused: string[] = []
    await using server = await serveHttp2({ port: 0, clock, onRefused: (reason) => refused.push(reason) }, (stream) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.alloc(10_000, 'x'))
    })
    using honest = await session(server.port)
    const attacker = await rawHttp2(server.port)
    attacker.write(Buffer.concat([settings([4, 0]), getRoot(1), getRoot(3)]))
    await sleep(50)
    expect(server.guard.inFlight).toBe(2)
    const ended = socketClosed(attacker, 3_000)
    for (let second = 0; second < 8; second++) {
      await pass(clock, 1_000)
      expect((await ask(honest, { ':path': '/' })).body.length).toBe(10_000)
    }
    expect(refused).toEqual([])
    await pass(clock, 2_000)
    await ended
    expect(refused).toEqual(['slow-reader'])
    expect((await ask(honest, { ':path': '/' })).status).toBe(200)
  })

  test('pings do not count as reading', async () => {
    const clock = new ManualClock()
    await using server = await serveHttp2({ port: 0, clock }, (stream) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.alloc(10_000, 'x'))
    })
    const attacker = await rawHttp2(server.port)
    attacker.write(Buffer.concat([settings([4, 0]), getRoot(1)]))
    const ended = socketClosed(attacker, 3_000)
    for (let step = 0; step < 10 && !attacker.destroyed; step++) {
      attacker.write(frame(6, 0, 0, Buffer.alloc(8)))
      await pass(clock, 1_000)
    }
    await ended
  })
})

describe('time limits', () => {
  test('a connection that never asks ends after headersTimeoutMs, one that asked after idleMs', async () => {
    const clock = new ManualClock()
    await using server = await serveSurface({ clock })
    using used = await session(server.port)
    await ask(used, { ':path': '/' })
    const silent = await rawHttp2(server.port)
    const ended = socketClosed(silent, 3_000)
    await sleep(20)
    await pass(clock, 5_000)
    await ended
    expect(used.destroyed).toBe(false)
    await pass(clock, 25_000)
    await sleep(20)
    expect(used.destroyed).toBe(true)
  })

  test('half a body ends after requestTimeoutMs', async () => {
    const clock = new ManualClock()
    const refused: string[] = []
    await using server = await serveSurface({ clock, onRefused: (reason) => refused.push(reason) })
    using client = await session(server.port)
    const stream = client.request({ ':method': 'POST', ':path': '/echo' })
    stream.on('error', () => {})
    stream.write('half')
    await sleep(30)
    await pass(clock, 10_000)
    await sleep(20)
    expect(refused).toEqual(['timeout'])
    expect(stream.destroyed).toBe(true)
  })

  test('S7: connections beyond the cap are not taken', async () => {
    const refused: string[] = []
    await using server = await serveSurface({
      limits: { connectionsMax: 2 },
      onRefused: (reason) => refused.push(reason),
    })
    using first = await session(server.port)
    using second = await session(server.port)
    const third = await rawHttp2(server.port)
    await socketClosed(third, 1_000)
    expect(refused).toEqual(['connections'])
    expect((await ask(first, { ':path': '/' })).status + (await ask(second, { ':path': '/' })).status).toBe(400)
  })
})
