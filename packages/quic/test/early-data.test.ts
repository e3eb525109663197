import { type DecodedFields, type Exchange, type Field, headersFrame, MessageReader } from '@qps/quic'
import { expect, test } from 'vitest'
import { ask, connect, rawClient, serveSurface, until, withQuic } from './support.ts'

/** Tells in its answer whether the request was early. */
const teller = (exchange: Exchange): void =>
  exchange.respond(200, [], exchange.isEarly ? 'early' : 'behind the handshake')

/** A session of a first connection, which is over. */
async function sessionOf(port: number): Promise<Uint8Array> {
  await using client = await connect(port)
  expect([client.isResumed, String((await ask(client, { path: '/' })).body)]).toEqual([false, 'behind the handshake'])
  await until(() => client.session() !== undefined)
  return client.session()!
}

withQuic('a client that comes again', () => {
  test('asks in its first datagram, where the server takes that', async () => {
    await using server = await serveSurface({ earlyData: true }, teller)
    const session = await sessionOf(server.port)
    await using client = await connect(server.port, { session })
    expect(String((await ask(client, { path: '/' })).body)).toBe('early')
    expect(client.isResumed).toBe(true)
    await until(() => server.server.sessions.size === 1)
    expect(String((await ask(client, { path: '/' })).body)).toBe('behind the handshake')
  })

  test('resumes behind the handshake, where the server takes nothing early, which is the default', async () => {
    await using server = await serveSurface({}, teller)
    const session = await sessionOf(server.port)
    await using client = await connect(server.port, { session })
    expect([client.isResumed, String((await ask(client, { path: '/' })).body)]).toEqual([true, 'behind the handshake'])
  })

  test('waits with what may not be repeated until nobody can', async () => {
    await using server = await serveSurface({ earlyData: true }, teller)
    const session = await sessionOf(server.port)
    await using client = await connect(server.port, { session })
    const [post, get] = await Promise.all([
      ask(client, { path: '/', body: 'x' }),
      // Behind it, and in its order.
      ask(client, { path: '/' }),
    ])
    expect([post, get].map(({ body }) => String(body))).toEqual(['behind the handshake', 'behind the handshake'])
  })

  test('and sends what may not be repeated all the same is told that it is too early', async () => {
    await using server = await serveSurface({ earlyData: true }, teller)
    const session = await sessionOf(server.port)
    const fields: Field[] = [
      [':method', 'POST'],
      [':scheme', 'https'],
      [':authority', 'a'],
      [':path', '/'],
    ]
    await using client = await rawClient(server.port, { session, early: headersFrame(fields) })
    await until(() => client.received(0).includes('too_early'))
    const heads: DecodedFields[] = []
    const reader = new MessageReader(
      { head: (head) => void heads.push(head), data: () => {} },
      { headerBytesMax: 4096, headerFieldsMax: 10 },
    )
    reader.push(client.received(0))
    expect(heads[0]!.fields[0]).toEqual([':status', '425'])
  })

  test('is answered by a server that does not know it any more', async () => {
    const before = await serveSurface({ earlyData: true }, teller)
    const session = await sessionOf(before.port)
    const { port } = before
    await before.drain(0)
    await using after = await serveSurface({ earlyData: true, port }, teller)
    await using client = await connect(port, { session })
    expect(String((await ask(client, { path: '/' })).body)).toBe('behind the handshake')
    expect([client.isResumed, after.server.answered]).toEqual([false, 1])
  })

  test('with a session that is none is a new one', async () => {
    await using server = await serveSurface({ earlyData: true }, teller)
    await using client = await connect(server.port, { session: Buffer.from('no session') })
    expect([client.isResumed, String((await ask(client, { path: '/' })).body)]).toEqual([false, 'behind the handshake'])
  })
})
