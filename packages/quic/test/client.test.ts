import { connectHttp3, errorCode, type Http3Ending, type Http3Handler, type RunningHttp3 } from '@qps/quic'
import { createAuthority } from '@qps/tls'
import { expect, test } from 'vitest'
import { ask, authority, connect, serveSurface, until, withQuic } from './support.ts'

const never: Http3Handler = () => new Promise(() => {})

withQuic('whom a client trusts', () => {
  test('is nobody that it was not told', async () => {
    const connecting = connectHttp3({ host: '127.0.0.1', port: 1 })
    await expect(connecting).rejects.toMatchObject({ code: 'QPS_OPTION', message: expect.stringMatching(/^ca must/) })
  })

  test.each(['127.0.0.1', 'localhost', 'other.test'])('is anybody where it is insecure: %s', async (serverName) => {
    // Neither the authority nor the name, nor the address, is right.
    const { key, cert } = authority.issue({ hosts: ['else.test'] })
    await using server = await serveSurface({ key, cert })
    await using client = await connectHttp3({ host: '127.0.0.1', port: server.port, serverName, insecure: true })
    expect((await ask(client, { path: '/' })).status).toBe(200)
  })
})

withQuic('a client', () => {
  test('calls the server what it is told to', async () => {
    const seen: string[] = []
    await using server = await serveSurface({}, (exchange) => {
      seen.push(exchange.request.authority)
      exchange.respond(200, [])
    })
    for (const options of [{}, { serverName: 'localhost' }, { authority: 'shop.example' }]) {
      await using client = await connect(server.port, options)
      await ask(client, { path: '/' })
    }
    expect(seen).toEqual([`127.0.0.1:${server.port}`, `localhost:${server.port}`, 'shop.example'])
  })

  test('that is to give up does not connect, before and meanwhile, and says why', async () => {
    const endings: Http3Ending[] = []
    const onEnded = (ending: Http3Ending): void => void endings.push(ending)
    const aborted = AbortSignal.abort(new Error('enough'))
    const soon = AbortSignal.timeout(20)
    for (const signal of [aborted, soon]) {
      // Nobody is there, and over UDP nobody says so.
      await expect(connect(1, { signal, onEnded })).rejects.toMatchObject({
        code: 'QPS_QUIC_HANDSHAKE',
        message: expect.stringContaining('given up'),
      })
    }
    expect(endings).toEqual(endings.map(() => ({ by: 'nobody', isApp: false, code: -1 })))
    expect(endings).toHaveLength(2)
    const late = new AbortController()
    await using server = await serveSurface()
    await using client = await connect(server.port, { signal: late.signal })
    late.abort()
    expect((await ask(client, { path: '/' })).status).toBe(200)
  })

  test('knows how many requests may be under way, and has none left when they are', async () => {
    await using server = await serveSurface({ limits: { streamsMax: 7 } }, never)
    await using client = await connect(server.port)
    expect(client.streamsLeft).toBe(7)
    const asked = Promise.allSettled(Array.from({ length: 9 }, () => client.request({ path: '/' })))
    expect(client.streamsLeft).toBe(0)
    await client.close()
    expect((await asked).map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 'rejected'))
  })

  test('sends nothing of a request that was given up before there was a stream for it', async () => {
    const paths: string[] = []
    const release = Promise.withResolvers<void>()
    await using server = await serveSurface({ limits: { streamsMax: 1 } }, async (exchange) => {
      paths.push(exchange.path)
      await release.promise
      exchange.respond(200, [])
    })
    await using client = await connect(server.port)
    const leaving = new AbortController()
    const first = ask(client, { path: '/first' })
    const given = expect(client.request({ path: '/given-up', signal: leaving.signal })).rejects.toThrow('given up')
    const last = ask(client, { path: '/last' })
    leaving.abort()
    await given
    release.resolve()
    expect([(await first).status, (await last).status, paths]).toEqual([200, 200, ['/first', '/last']])
  })
})

withQuic('a client is told', () => {
  const told = (): {
    goaways: number
    endings: Http3Ending[]
    onGoaway(): void
    onEnded(ending: Http3Ending): void
  } => ({
    goaways: 0,
    endings: [],
    onGoaway() {
      this.goaways++
    },
    onEnded(ending) {
      this.endings.push(ending)
    },
  })
  const listening = (seen: ReturnType<typeof told>) => ({
    onGoaway: () => seen.onGoaway(),
    onEnded: (ending: Http3Ending) => seen.onEnded(ending),
  })

  test('that the server has finished the handshake too', async () => {
    await using server = await serveSurface()
    const settled = Promise.withResolvers<void>()
    await using client = await connect(server.port, { onSettings: settled.resolve })
    await settled.promise
    expect([client.isUsable, server.server.sessions.size]).toEqual([true, 1])
  })

  test('once that the server leaves, and how it has ended', async () => {
    const seen = told()
    const server = await serveSurface({ limits: { drainGraceMs: 20 } })
    await using client = await connect(server.port, listening(seen))
    expect((await ask(client, { path: '/' })).status).toBe(200)
    const drained = server.drain()
    await until(() => seen.goaways > 0)
    expect([client.isUsable, seen.endings]).toEqual([false, []])
    await drained
    await until(() => seen.endings.length > 0)
    expect(seen).toMatchObject({ goaways: 1, endings: [{ by: 'server', isApp: true, code: errorCode.noError }] })
  })

  test('that it has ended the connection itself, also where the server broke the rules', async () => {
    const seen = told()
    await using server: RunningHttp3 = await serveSurface({}, (exchange) => {
      // SETTINGS, where an answer is to be.
      for (const { open, connection } of server.server.sessions)
        if (open.has(exchange.streamId)) connection.write(exchange.streamId, [Buffer.of(4, 0)], true)
    })
    const client = await connect(server.port, listening(seen))
    await expect(ask(client, { path: '/' })).rejects.toMatchObject({ code: 'QPS_QUIC_CLOSED' })
    expect(seen.endings).toEqual([{ by: 'us', isApp: true, code: errorCode.frameUnexpected }])
    await client.close()
    await (await connect(server.port, listening(seen))).close()
    expect(seen.endings[1]).toEqual({ by: 'us', isApp: true, code: errorCode.noError })
    expect(seen).toMatchObject({ goaways: 0, endings: { length: 2 } })
  })

  test('that there never was one, and which alert of TLS was the reason', async () => {
    const seen = told()
    await using server = await serveSurface()
    const connecting = connect(server.port, { ...listening(seen), ca: createAuthority().cert })
    await expect(connecting).rejects.toMatchObject({ code: 'QPS_QUIC_HANDSHAKE' })
    expect(seen.endings).toEqual([{ by: 'us', isApp: false, code: expect.any(Number) }])
    expect(seen.endings[0]!.code).toBeGreaterThan(256)
  })
})
