import { create } from '@bufbuild/protobuf'
import {
  Metadata as GrpcJsMetadata,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
} from '@grpc/grpc-js'
import {
  CollectReplySchema,
  type CollectReply,
  type EchoReply,
  EchoReplySchema,
  type EchoRequest,
  EchoRequestSchema,
  type ExpandRequest,
  ExpandRequestSchema,
  GrpcError,
  GrpcStatus,
  Metadata,
  type StatusReply,
  type StatusRequest,
  StatusRequestSchema,
  workload,
  workloadDefinition as methods,
} from '@qps/grpc'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { InteropClient } from './interop/client.ts'
import type { RunningPeer } from './interop/our-server.ts'
import { connectClient, peerNames, serverNames, startServer } from './interop/peers.ts'

/** Handlers are replaced by each test: what is under test is what a handler's call can do, on either server. */
type Handlers = {
  echo: (call: ServerUnaryCall<EchoRequest, EchoReply>, callback: sendUnaryData<EchoReply>) => void
  status: (call: ServerUnaryCall<StatusRequest, StatusReply>, callback: sendUnaryData<StatusReply>) => void
  expand: (call: ServerWritableStream<ExpandRequest, EchoReply>) => void
  collect: (call: ServerReadableStream<EchoRequest, CollectReply>, callback: sendUnaryData<CollectReply>) => void
  chat: (call: ServerDuplexStream<EchoRequest, EchoReply>) => void
}

const body = Buffer.from('{"status":"ok"}')
const standard = workload({ status: () => body }) as unknown as Handlers
const handlers: Handlers = { ...standard }
const implementation: Handlers = {
  echo: (call, callback) => handlers.echo(call, callback),
  status: (call, callback) => handlers.status(call, callback),
  expand: (call) => handlers.expand(call),
  collect: (call, callback) => handlers.collect(call, callback),
  chat: (call) => handlers.chat(call),
}

const request = (text: string) => create(EchoRequestSchema, { payload: Buffer.from(text) })
const reply = (text: string) => create(EchoReplySchema, { payload: Buffer.from(text) })
const textOf = (message: EchoReply | undefined): string => Buffer.from(message?.payload ?? []).toString()

for (const serverName of serverNames) {
  describe(`server ${serverName}`, () => {
    let server: RunningPeer
    beforeAll(async () => {
      server = await startServer(serverName, methods, implementation)
    })
    afterAll(() => server.close())
    beforeEach(() => void Object.assign(handlers, standard))

    describe.each(peerNames)('client %s', (clientName) => {
      let client: InteropClient
      beforeAll(() => {
        client = connectClient(clientName, server.port)
      })
      afterAll(() => client.close())

      test('the five methods of the workload', async () => {
        expect(textOf((await client.unary(methods.echo, request('hello'))).reply)).toBe('hello')
        const status = await client.unary(methods.status, create(StatusRequestSchema))
        expect(Buffer.from(status.reply!.body)).toEqual(body)
        const expand = client.serverStream(methods.expand, create(ExpandRequestSchema, { count: 40, size: 70_000 }))
        let expanded = 0
        for (let next = await expand.next(); next; next = await expand.next()) expanded += next.payload.length
        expect(expanded).toBe(40 * 70_000)
        const collect = client.clientStream(methods.collect)
        for (const text of ['a', 'bc', '']) await collect.write(request(text))
        collect.end()
        expect(await collect.next()).toEqual(create(CollectReplySchema, { messages: 3, bytes: 3n }))
        const chat = client.bidi(methods.chat)
        for (const text of ['one', 'two']) {
          await chat.write(request(text))
          expect(textOf(await chat.next())).toBe(text)
        }
        chat.end()
        expect((await chat.status).code).toBe(GrpcStatus.OK)
      })

      test('messages of any size up to the limit, many at once', async () => {
        const sizes = [0, 1, 16_000, 16_384, 65_536, 65_537, 300_000, 4 * 1024 * 1024 - 16]
        const replies = await Promise.all(
          sizes.map((size) =>
            client.unary(methods.echo, create(EchoRequestSchema, { payload: Buffer.alloc(size, size) })),
          ),
        )
        for (const [index, size] of sizes.entries()) {
          const { payload } = replies[index]!.reply!
          expect(Buffer.compare(Buffer.from(payload), Buffer.alloc(size, size)), `${size}`).toBe(0)
        }
      })

      test('three hundred calls at once are each answered on their own merit', async () => {
        const texts = Array.from({ length: 300 }, (_, index) => `call ${index}`)
        const replies = await Promise.all(texts.map((text) => client.unary(methods.echo, request(text))))
        expect(replies.map((answer) => textOf(answer.reply))).toEqual(texts)
      })

      test('a request beyond the limit is RESOURCE_EXHAUSTED', async () => {
        const large = create(EchoRequestSchema, { payload: Buffer.alloc(4 * 1024 * 1024 + 1) })
        const answer = await client.unary(methods.echo, large)
        expect(answer.status.code).toBe(GrpcStatus.RESOURCE_EXHAUSTED)
        expect(textOf((await client.unary(methods.echo, request('still there'))).reply)).toBe('still there')
      })

      test('a handler sees metadata, deadline, path and peer', async () => {
        let seen: unknown[] = []
        handlers.echo = (call, callback) => {
          seen = [
            call.metadata.get('tenant'),
            call.metadata.get('trace-bin'),
            call.metadata.getMap()['tenant'],
            Number(call.getDeadline()) - Date.now(),
            call.getPath(),
            call.getPeer(),
            call.cancelled,
          ]
          callback(null, reply('ok'))
        }
        const metadata = { tenant: 'blue', 'trace-bin': Buffer.from([0, 255]) }
        await client.unary(methods.echo, request(''), { metadata, timeoutMs: 10_000 })
        const [tenant, trace, first, remainingMs, path, peer, cancelled] = seen
        expect([tenant, trace, first]).toEqual([['blue'], [Buffer.from([0, 255])], 'blue'])
        expect(remainingMs).toBeGreaterThan(5_000)
        expect(remainingMs).toBeLessThanOrEqual(10_001)
        expect([path, cancelled]).toEqual(['/qps.v1.Workload/Echo', false])
        expect(peer).toMatch(/127\.0\.0\.1:\d+$/)
      })

      test('a call without a deadline has none', async () => {
        handlers.echo = (call, callback) => callback(null, reply(String(call.getDeadline())))
        expect(textOf((await client.unary(methods.echo, request(''))).reply)).toBe('Infinity')
      })

      test.each(['grpc-js', 'ours'])('a handler sends headers and trailers with the metadata of %s', async (whose) => {
        handlers.echo = (call, callback) => {
          const headers = (whose === 'ours' ? new Metadata() : new GrpcJsMetadata()) as GrpcJsMetadata
          headers.add('colour', 'red')
          headers.add('colour', 'blue')
          call.sendMetadata(headers)
          const trailers = (whose === 'ours' ? new Metadata() : new GrpcJsMetadata()) as GrpcJsMetadata
          trailers.set('sum-bin', Buffer.from([1, 2, 3]))
          callback(null, reply('ok'), trailers)
        }
        const { headers, status } = await client.unary(methods.echo, request(''))
        expect(headers.get('colour').join(', ')).toBe('red, blue')
        expect(status.metadata.get('sum-bin')).toEqual([Buffer.from([1, 2, 3])])
      })

      test.each([
        ['an object', { code: 5, details: 'no such thing' }],
        ['an error with a code', Object.assign(new Error('no such thing'), { code: 5 })],
        ['a GrpcError', new GrpcError(GrpcStatus.NOT_FOUND, 'no such thing')],
      ])('a callback fails with %s', async (_what, error) => {
        handlers.echo = (_call, callback) => callback(error as Partial<StatusObject>)
        const { status, reply: none } = await client.unary(methods.echo, request(''))
        expect([status.code, status.details, none]).toEqual([5, 'no such thing', undefined])
      })

      test('a failure may carry trailing metadata', async () => {
        handlers.collect = (call, callback) => {
          const metadata = new GrpcJsMetadata()
          metadata.set('retry', 'later')
          call.resume()
          call.on('end', () => callback({ code: GrpcStatus.UNAVAILABLE, details: 'busy', metadata }))
        }
        const call = client.clientStream(methods.collect)
        await call.write(request('x'))
        call.end()
        const status = await call.status
        expect([status.code, status.details, status.metadata.get('retry')]).toEqual([14, 'busy', ['later']])
      })

      test('a handler that throws is UNKNOWN, and its text stays here', async () => {
        handlers.echo = () => {
          throw new Error('password')
        }
        handlers.expand = () => {
          throw new Error('password')
        }
        const unary = await client.unary(methods.echo, request(''))
        expect(unary.status.code).toBe(GrpcStatus.UNKNOWN)
        expect(unary.status.details).not.toContain('password')
        const stream = client.serverStream(methods.expand, create(ExpandRequestSchema))
        expect((await stream.status).code).toBe(GrpcStatus.UNKNOWN)
      })

      test('a stream that fails midway delivers what came before', async () => {
        handlers.expand = (call) => {
          call.write(reply('first'))
          call.emit('error', { code: GrpcStatus.ABORTED, details: 'enough' })
        }
        const call = client.serverStream(methods.expand, create(ExpandRequestSchema))
        expect(textOf(await call.next())).toBe('first')
        expect(await call.next()).toBeUndefined()
        expect(await call.status).toMatchObject({ code: GrpcStatus.ABORTED, details: 'enough' })
      })

      test('end may carry trailing metadata', async () => {
        handlers.chat = (call) => {
          const trailers = new GrpcJsMetadata()
          trailers.set('seen', 'yes')
          call.on('data', () => undefined)
          call.on('end', () => call.end(trailers))
        }
        const call = client.bidi(methods.chat)
        call.end()
        expect((await call.status).metadata.get('seen')).toEqual(['yes'])
      })

      test('a client that cancels is noticed by the handler', async () => {
        const cancelled = Promise.withResolvers<boolean>()
        handlers.chat = (call) => {
          call.on('cancelled', () => cancelled.resolve(call.cancelled))
          call.on('data', () => call.write(reply('go on')))
        }
        const call = client.bidi(methods.chat)
        await call.write(request(''))
        await call.next()
        call.cancel()
        expect(await cancelled.promise).toBe(true)
        expect((await call.status).code).toBe(GrpcStatus.CANCELLED)
      })

      test('a deadline that passes is noticed by the handler of a unary call', async () => {
        const cancelled = Promise.withResolvers<boolean>()
        handlers.echo = (call) => void call.on('cancelled', () => cancelled.resolve(call.cancelled))
        const { status } = await client.unary(methods.echo, request(''), { timeoutMs: 60 })
        expect(status.code).toBe(GrpcStatus.DEADLINE_EXCEEDED)
        expect(await cancelled.promise).toBe(true)
      })

      test('what is answered after the end harms nobody', async () => {
        const late = Promise.withResolvers<void>()
        handlers.echo = (_call, callback) => {
          callback(null, reply('once'))
          setTimeout(() => {
            callback({ code: GrpcStatus.INTERNAL })
            late.resolve()
          }, 20)
        }
        expect(textOf((await client.unary(methods.echo, request(''))).reply)).toBe('once')
        await late.promise
      })

      // grpc-js sends both replies, which its own client takes for no answer at all.
      test.skipIf(serverName === 'grpc-js')('of two answers the first counts', async () => {
        handlers.echo = (_call, callback) => {
          callback(null, reply('once'))
          callback(null, reply('twice'))
        }
        expect(textOf((await client.unary(methods.echo, request(''))).reply)).toBe('once')
      })

      test('a server that streams waits for a client that does not read', async () => {
        let written = 0
        const blocked = Promise.withResolvers<void>()
        handlers.expand = (call) => {
          const chunk = create(EchoReplySchema, { payload: Buffer.alloc(64 * 1024) })
          const more = (): void => {
            if (call.cancelled) return
            while (call.write(chunk)) written++
            call.once('drain', more)
            blocked.resolve()
          }
          more()
        }
        const call = client.serverStream(methods.expand, create(ExpandRequestSchema))
        await call.headers
        await blocked.promise
        let before = -1
        // Reading has stopped when nothing more is written for a while. grpc-js's adapter reads on: it is cancelled below.
        if (clientName === 'ours') {
          while (before !== written) {
            before = written
            await new Promise((resolve) => void setTimeout(resolve, 100))
          }
          expect(written).toBeLessThan(200)
        }
        call.cancel()
        expect((await call.status).code).toBe(GrpcStatus.CANCELLED)
      })
    })
  })
}
