import type { PathEvent } from '@qps/quic'
import { expect, test } from 'vitest'
import { ask, connect, serveSurface, until, withQuic } from './support.ts'

/** Several hundred kilobytes that are the same nowhere. */
const body = Buffer.from(Uint32Array.from({ length: 200_000 }, (_, index) => Math.imul(index, 2_654_435_761)).buffer)

withQuic('migration', () => {
  test('a client moves to another port in the middle of an answer, which arrives byte for byte', async () => {
    const seen: PathEvent[] = []
    await using server = await serveSurface({ onPath: (event) => seen.push(event) })
    await using client = await connect(server.port)
    const before = client.local
    const response = await client.request({ path: '/echo', body })

    const pieces: Buffer[] = []
    let bytes = 0
    let bytesWhenMoved = 0
    for await (const piece of response.body) {
      pieces.push(piece)
      bytes += piece.length
      // A third has arrived. The client's window keeps the rest at the server: it cannot be on its way already.
      if (bytesWhenMoved > 0 || bytes < body.length / 3) continue
      bytesWhenMoved = bytes
      await client.migrate()
    }
    const after = client.local

    expect(bytesWhenMoved).toBeLessThan(body.length / 2)
    expect(Buffer.concat(pieces).equals(body)).toBe(true)
    expect(after.port).not.toBe(before.port)
    const at = { host: '127.0.0.1', port: server.port }
    expect(client.trace).toEqual([
      { kind: 'probed', local: after, peer: at },
      { kind: 'validated', local: after, peer: at },
      { kind: 'migrated', local: after, peer: at, before: { local: before, peer: at } },
    ])
    expect(seen).toEqual([
      { kind: 'probed', local: at, peer: after },
      { kind: 'validated', local: at, peer: after },
      { kind: 'migrated', local: at, peer: after, before: { local: at, peer: before } },
    ])
    // And the bytes have really gone there.
    const [left, taken] = client.paths()
    expect([left!.isActive, taken!.isActive, taken!.local]).toEqual([false, true, after])
    expect(taken!.received * 1350).toBeGreaterThan((body.length - bytesWhenMoved) / 2)
  })

  test('a connection can move again, as often as there are ids, and says so when there are none', async () => {
    await using server = await serveSurface({ limits: { idsMax: 3 } })
    await using client = await connect(server.port, { limits: { idsMax: 3 }, timeoutMs: 1000 })
    const ports = [client.local.port]
    for (let move = 0; move < 2; move++) {
      const { before, after } = await client.migrate()
      expect(before.port).toBe(ports.at(-1))
      ports.push(after.port)
      expect((await ask(client, { path: '/' })).status).toBe(200)
    }
    expect(new Set(ports).size).toBe(3)
    await expect(client.migrate()).rejects.toMatchObject({ code: 'QPS_QUIC_MIGRATION' })
    expect((await ask(client, { path: '/' })).status).toBe(200)
  })

  test('a move that cannot be validated leaves the connection where it is', async () => {
    // A server that gives no ids cannot be reached on a second path.
    await using server = await serveSurface({ limits: { idsGivenMax: 0 } })
    await using client = await connect(server.port, { timeoutMs: 500 })
    const { port } = client.local
    await expect(client.migrate()).rejects.toMatchObject({ code: 'QPS_QUIC_MIGRATION' })
    expect([client.local.port, (await ask(client, { path: '/' })).status]).toEqual([port, 200])
  })

  test('a move that ends with its connection fails, and one at a time', async () => {
    await using server = await serveSurface()
    const client = await connect(server.port)
    await until(() => server.server.sessions.size === 1)
    const moves = [client.migrate(), client.migrate()].map((move) =>
      move.then(
        () => 'moved',
        (error) => error.code,
      ),
    )
    expect(await Promise.all(moves)).toEqual(['moved', 'QPS_QUIC_MIGRATION'])
    await client.close()
    await expect(client.migrate()).rejects.toMatchObject({ code: 'QPS_QUIC_CLOSED' })
  })
})
