import { setTimeout as sleep } from 'node:timers/promises'
import { surfaceHandler } from '@qps/http2-netpoll'
import { describe, expect, test } from 'vitest'
import { getRoot, http2Floods, rapidReset, rawHttp2, reset, settings, socketClosed, streamIds } from '@qps/testkit'
import { data, post } from './memory-server.ts'
import { ask, backends, eventually, kept, listener, session, start } from './support.ts'

/** Answers in a while, if the stream is still there. */
const late = (count: () => void) => (stream: Parameters<ReturnType<typeof surfaceHandler>>[0]) => {
  count()
  stream.listener = listener()
  setTimeout(() => stream.respond([[':status', '200']], true), 20)
}

describe.each(backends)('S9 rapid reset on %s', (backend) => {
  test.each([
    ['before they are answered', getRoot, false],
    ['behind their answers', getRoot, true],
    ['in the middle of their bodies', (id: number) => Buffer.concat([post(id), data(id, 5)]), false],
  ])('20,000 resets %s start at most 150 handlers, and end the session at once', async (_name, open, atOnce) => {
    let handlers = 0
    const refused: string[] = []
    const surface = surfaceHandler(1000)
    const handler = late(() => handlers++)
    await using server = await start(
      backend,
      (stream) => {
        if (!atOnce) return handler(stream)
        handlers++
        return surface(stream)
      },
      { onRefused: (reason) => refused.push(reason) },
    )
    using bystander = await session(server.port)
    const flood = Buffer.concat([settings(), rapidReset(open)])
    const attacker = await rawHttp2(server.port)
    attacker.write(flood)
    await socketClosed(attacker, 2_000)
    expect(handlers).toBeLessThanOrEqual(atOnce ? 31 : 61)
    expect(refused).toEqual(['rapid-reset'])
    expect((await ask(bystander, { ':path': '/' })).status).toBe(200)
    await eventually(() => server.server.sessions.size === 1 && server.server.inFlight === 0)
  })

  test('in small pieces, turn by turn, it is the same; a client that cancels now and then is none', async () => {
    let handlers = 0
    await using server = await start(
      backend,
      late(() => handlers++),
      { limits: { resetsPerS: 1 } },
    )
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
    using client = await session(server.port)
    for (let burst = 0; burst < 2; burst++) {
      for (let count = 0; count < 12; count++)
        client
          .request({ ':path': '/' })
          .on('error', () => {})
          .close(8)
      await sleep(30)
    }
    expect((await ask(client, { ':path': '/' })).status).toBe(200)
  })
})

describe.each(backends)('S10 floods on %s', (backend) => {
  /** How each ends: by a reason that is counted, or as an error of the protocol. */
  const reasons: Record<string, string[]> = {
    'MadeYouReset by WINDOW_UPDATE': ['rapid-reset'],
    // The second piece of content has no stream any more.
    'MadeYouReset by DATA': [],
    CONTINUATION: ['header-block'],
    'empty DATA': ['empty-frames'],
    SETTINGS: ['empty-frames'],
    PING: ['empty-frames'],
    WINDOW_UPDATE: ['empty-frames'],
    'RST_STREAM of nothing': [],
  }

  test.each([...http2Floods])('%s: the session ends at once, and nothing is kept', async (name, flood) => {
    let handlers = 0
    const refused: string[] = []
    const surface = surfaceHandler(1000)
    await using server = await start(
      backend,
      (stream) => {
        handlers++
        return surface(stream)
      },
      { onRefused: (reason) => refused.push(reason) },
    )
    const bytes = flood()
    const attacker = await rawHttp2(server.port)
    // Not reading: what the server must answer would pile up on its side.
    attacker.pause()
    attacker.write(Buffer.concat([settings(), bytes]))
    await eventually(() => server.server.sessions.size === 1)
    await eventually(() => kept(server) === 0)
    expect(handlers).toBeLessThanOrEqual(150)
    expect(refused).toEqual(reasons[name])
    attacker.destroy()
    using bystander = await session(server.port)
    expect((await ask(bystander, { ':path': '/' })).status).toBe(200)
  })
})
