import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { type ClientHttp2Session, constants, type OutgoingHttpHeaders } from 'node:http2'
import {
  type CallObserver,
  create,
  createGrpcClient,
  createGrpcServer,
  EchoRequestSchema,
  GrpcStatus,
  type MethodObserver,
  workload,
  workloadDefinition,
} from '@qps/grpc'
import { serveGrpcJs } from '@qps/grpc/grpc-js'
import { type RequestDone, requestDoneChannel } from '@qps/http-contract'
import { callOf, frame, rawHttp2, reset, settings, streamIds } from '@qps/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { transports } from './interop/transports.ts'
import { chatPath, echoMessage, echoPath, exchange, grpcHeaders, openSession, rawFrame } from './raw.ts'

/** What was told of one method. */
class Told implements MethodObserver {
  begun = 0
  messagesIn = 0
  messagesOut = 0
  readonly statuses: number[] = []
  readonly seconds: number[] = []

  started(): void {
    this.begun++
  }

  received(): void {
    this.messagesIn++
  }

  sent(): void {
    this.messagesOut++
  }

  handled(status: number, seconds: number): void {
    this.statuses.push(status)
    this.seconds.push(seconds)
  }
}

class Recorder implements CallObserver {
  readonly #methods = new Map<string, Told>()

  method(path: string): Told {
    const told = this.#methods.get(path) ?? new Told()
    this.#methods.set(path, told)
    return told
  }
}

const statusPath = '/qps.v1.Workload/Status'
const implementation = {
  ...workload({ status: () => Buffer.from('ok') }),
  status: (_call: unknown, callback: (error: object) => void) => callback({ code: GrpcStatus.NOT_FOUND }),
}

interface Served {
  url: string
  inFlight(): number
  close(): Promise<unknown>
}

const servers: readonly (readonly [name: string, serve: (observer: CallObserver) => Promise<Served>])[] = [
  ...transports.map(([name, listen]) => {
    const serve = async (observer: CallObserver): Promise<Served> => {
      const server = createGrpcServer({ observer })
      server.addService(workloadDefinition, implementation)
      const { url } = await listen(server)
      return { url, inFlight: () => server.inFlight, close: () => server.close(200) }
    }
    return [`ours over ${name}`, serve] as const
  }),
  [
    'grpc-js',
    async (observer) => {
      const services = [[workloadDefinition, implementation]] as const
      const server = await serveGrpcJs({ host: '127.0.0.1', port: 0, services, observer })
      return { url: `http://${server.address}`, inFlight: () => server.inFlight(), close: () => server.drain(200) }
    },
  ],
]

const hello = rawFrame(echoMessage(Buffer.from('hello')))
const soon = { timeout: 5_000 }
const portOf = ({ url }: Served): number => Number(new URL(url).port)

describe.each(servers)('an observer of %s', (_name, serve) => {
  let observer: Recorder
  let server: Served
  let session: ClientHttp2Session

  beforeEach(async () => {
    observer = new Recorder()
    server = await serve(observer)
    session = await openSession(server.url)
  })
  afterEach(async () => {
    session.destroy()
    await server.close()
  })

  const over = async (path: string, statuses: number[]): Promise<void> =>
    await expect.poll(() => observer.method(path).statuses, soon).toEqual(statuses)

  /** A call that its server ends, while its client could still send. */
  async function ended(path: string, piece: Uint8Array, more: OutgoingHttpHeaders = {}): Promise<void> {
    const stream = session.request(grpcHeaders(path, more), { endStream: false })
    stream.on('error', () => undefined)
    stream.write(piece)
    await once(stream.resume(), 'end')
    stream.close(constants.NGHTTP2_CANCEL)
  }

  test('learns of a call, its messages, its status and how long it took', async () => {
    await exchange(session, grpcHeaders(echoPath), [hello])
    await over(echoPath, [GrpcStatus.OK])
    const told = observer.method(echoPath)
    expect([told.begun, told.messagesIn, told.messagesOut, server.inFlight()]).toEqual([1, 1, 1, 0])
    expect(told.seconds[0]).toBeGreaterThan(0)
    expect(told.seconds[0]).toBeLessThan(10)
  })

  test('learns of messages while the call is open', async () => {
    await using client = createGrpcClient({ origin: server.url })
    const chat = client.bidi(workloadDefinition.chat)
    const told = observer.method(chatPath)
    for (let messages = 1; messages <= 3; messages++) {
      await chat.write(create(EchoRequestSchema, { payload: Buffer.from('hello') }))
      await expect.poll(() => [told.messagesIn, told.messagesOut], soon).toEqual([messages, messages])
    }
    expect([told.begun, told.statuses, server.inFlight()]).toEqual([1, [], 1])
    chat.end()
    for await (const { payload } of chat) expect(payload.length).toBe(5)
    await over(chatPath, [GrpcStatus.OK])
    expect(server.inFlight()).toBe(0)
  })

  test('learns of what a handler fails with', async () => {
    await exchange(session, grpcHeaders(statusPath), [rawFrame(Buffer.alloc(0))])
    await over(statusPath, [GrpcStatus.NOT_FOUND])
    expect(observer.method(statusPath)).toMatchObject({ begun: 1, messagesIn: 1, messagesOut: 0 })
  })

  test('learns of a client that leaves', async () => {
    const told = observer.method(chatPath)
    const socket = await rawHttp2(portOf(server))
    socket.write(Buffer.concat([settings(), callOf(chatPath)(1), frame(0, 0, 1, hello)]))
    await expect.poll(() => told.messagesOut, soon).toBe(1)
    expect(server.inFlight()).toBe(1)
    socket.write(reset(1))
    await over(chatPath, [GrpcStatus.CANCELLED])
    expect(server.inFlight()).toBe(0)
    socket.destroy()
  })

  test('learns of a deadline that passes', async () => {
    await ended(chatPath, hello, { 'grpc-timeout': '30m' })
    await over(chatPath, [GrpcStatus.DEADLINE_EXCEEDED])
  })

  test.each([
    ['a message that is no such message', rawFrame(Buffer.from([0xff, 0xff, 0xff])), GrpcStatus.INTERNAL],
    ['a message beyond the limit', Buffer.from([0, 0x7f, 0, 0, 0]), GrpcStatus.RESOURCE_EXHAUSTED],
  ])('learns of %s, which no handler sees', async (_what, piece, status) => {
    await ended(chatPath, piece)
    await over(chatPath, [status])
    expect(observer.method(chatPath)).toMatchObject({ begun: 1, messagesIn: 0 })
  })

  test('learns of a method that there is not', async () => {
    await exchange(session, grpcHeaders('/no/such'), [hello])
    await over('/no/such', [GrpcStatus.UNIMPLEMENTED])
    expect([observer.method('/no/such').begun, server.inFlight()]).toEqual([1, 0])
  })

  test('learns nothing of what is no call', async () => {
    const { status } = await exchange(session, grpcHeaders(echoPath, { 'content-type': 'text/plain' }), [hello])
    await exchange(session, grpcHeaders(statusPath), [rawFrame(Buffer.alloc(0))])
    await over(statusPath, [GrpcStatus.NOT_FOUND])
    expect([status, observer.method(echoPath).begun]).toEqual([415, 0])
  })

  test('learns of an end for each beginning, also where clients ask and leave at once', async () => {
    const told = observer.method(chatPath)
    const socket = await rawHttp2(portOf(server))
    const calls = streamIds(20).map((id, index) => {
      return Buffer.concat([callOf(chatPath)(id), index % 2 === 0 ? reset(id) : frame(0, 0, id, hello)])
    })
    socket.write(Buffer.concat([settings(), ...calls]))
    await expect.poll(() => told.messagesOut, soon).toBe(10)
    socket.destroy()
    await expect.poll(() => told.statuses.length, soon).toBe(told.begun)
    expect(told.begun).toBeGreaterThanOrEqual(10)
    expect(server.inFlight()).toBe(0)
  })

  test('is one of those who learn: the console does as well', async () => {
    const statuses: number[] = []
    const note = (message: unknown): void => void statuses.push((message as RequestDone).status)
    channel(requestDoneChannel).subscribe(note)
    try {
      await exchange(session, grpcHeaders(echoPath), [hello])
      await expect.poll(() => statuses, soon).toEqual([200])
      await exchange(session, grpcHeaders('/no/such'), [hello])
      await expect.poll(() => statuses, soon).toEqual([200, 400])
    } finally {
      channel(requestDoneChannel).unsubscribe(note)
    }
  })
})
