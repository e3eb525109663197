import {
  createGrpcServer,
  type GrpcServer,
  GrpcStatus,
  prefixBytes,
  serviceDefinition,
  workload,
  Workload,
  workloadDefinition,
} from '@qps/grpc'
import { once } from 'node:events'
import type { ClientHttp2Session } from 'node:http2'
import { createConnection } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { transports } from './interop/transports.ts'
import {
  chatPath,
  echoMessage,
  echoPath,
  exchange,
  grpcHeaders,
  grpcMessage,
  grpcStatus,
  openSession,
  rawFrame,
} from './raw.ts'

describe.each(transports)('over %s', (transport, listen) => {
  let server: GrpcServer
  let session: ClientHttp2Session
  let url: string

  async function start(limits = {}): Promise<void> {
    server = createGrpcServer({ limits })
    server.addService(workloadDefinition, workload({ status: () => Buffer.from('ok') }))
    ;({ url } = await listen(server))
    session = await openSession(url)
  }

  beforeEach(() => start())
  afterEach(async () => {
    session.destroy()
    await server.close(200)
  })

  const hello = echoMessage(Buffer.from('hello'))

  describe('what is no call', () => {
    test.each(['application/json', 'application/grpc-web', 'application/grpcx', 'application/grpc+json', ''])(
      'the content type %j is answered 415',
      async (type) => {
        const answer = await exchange(session, grpcHeaders(echoPath, { 'content-type': type }), [rawFrame(hello)])
        expect(answer.status).toBe(415)
        expect(grpcStatus(answer)).toBeUndefined()
      },
    )

    test.each(['application/grpc', 'application/grpc+proto', 'application/grpc; charset=utf-8', 'Application/GRPC'])(
      'the content type %j is served',
      async (type) => {
        const answer = await exchange(session, grpcHeaders(echoPath, { 'content-type': type }), [rawFrame(hello)])
        expect([answer.status, grpcStatus(answer)]).toEqual([200, '0'])
      },
    )

    test.each(['GET', 'PUT', 'DELETE'])('the method %s is answered 405', async (method) => {
      const answer = await exchange(session, grpcHeaders(echoPath, { ':method': method }))
      expect([answer.status, answer.headers['allow']]).toEqual([405, 'POST'])
    })

    test.each(['/', '/qps.v1.Workload', '/qps.v1.Workload/', '/qps.v1.Workload/Nope', '/__proto__', '//', '/a/b/c'])(
      'the path %j is UNIMPLEMENTED, in trailers alone',
      async (path) => {
        const answer = await exchange(session, grpcHeaders(path), [rawFrame(hello)])
        expect([answer.status, answer.headers['grpc-status'], answer.trailers]).toEqual([200, '12', {}])
        expect(answer.headers['content-type']).toContain('application/grpc')
      },
    )

    test.each(['1', '1s', '-1S', '123456789S', '1S ,2S'])('the timeout %j is INTERNAL', async (timeout) => {
      const answer = await exchange(session, grpcHeaders(echoPath, { 'grpc-timeout': timeout }), [rawFrame(hello)])
      expect(grpcStatus(answer)).toBe('13')
    })

    test('an encoding of messages that we do not have is UNIMPLEMENTED, and those that we have are named', async () => {
      const answer = await exchange(session, grpcHeaders(echoPath, { 'grpc-encoding': 'snappy' }), [rawFrame(hello)])
      expect([grpcStatus(answer), answer.headers['grpc-accept-encoding']]).toEqual(['12', 'identity,gzip'])
    })

    test('headers beyond the list are refused without a handler', async () => {
      const answer = await exchange(session, grpcHeaders(echoPath, { long: 'x'.repeat(20_000) }), [rawFrame(hello)])
      expect(grpcStatus(answer)).toBeUndefined()
      expect(answer.status === 431 || answer.resetCode !== 0).toBe(true)
      expect(server.counters.calls).toBe(0)
    })
  })

  describe('messages', () => {
    test('the answer is the same however the request is cut', async () => {
      const wire = rawFrame(hello)
      const whole = await exchange(session, grpcHeaders(echoPath), [wire])
      expect(whole.body).toEqual(wire)
      for (let at = 1; at < wire.length; at++) {
        const { body, trailers } = await exchange(session, grpcHeaders(echoPath), [
          wire.subarray(0, at),
          wire.subarray(at),
        ])
        expect([body, trailers['grpc-status']]).toEqual([wire, '0'])
      }
    })

    test('a stream that ends within a message is INTERNAL', async () => {
      const answer = await exchange(session, grpcHeaders(echoPath), [rawFrame(hello).subarray(0, 7)])
      expect([grpcStatus(answer), grpcMessage(answer)]).toEqual(['13', 'the stream ended within a message'])
    })

    test('bytes that are no message of the method are INTERNAL', async () => {
      const answer = await exchange(session, grpcHeaders(echoPath), [rawFrame(Buffer.from([0xff, 0xff, 0xff]))])
      expect(grpcStatus(answer)).toBe('13')
    })

    test.each([
      ['none', []],
      ['two', [rawFrame(hello), rawFrame(hello)]],
    ])('%s where the method takes one is UNIMPLEMENTED', async (_what, pieces) => {
      expect(grpcStatus(await exchange(session, grpcHeaders(echoPath), pieces))).toBe('12')
    })

    test('the first byte of a frame is 0 or 1', async () => {
      expect(grpcStatus(await exchange(session, grpcHeaders(echoPath), [rawFrame(hello, 7)]))).toBe('13')
    })

    test('one beyond the limit is refused by its prefix, before it has come', async () => {
      const prefix = Buffer.from([0, 0x7f, 0, 0, 0])
      const answer = await exchange(session, grpcHeaders(echoPath), [prefix], false)
      expect(grpcStatus(answer)).toBe(String(GrpcStatus.RESOURCE_EXHAUSTED))
    })

    test('payload that is copied is counted', async () => {
      await exchange(session, grpcHeaders(echoPath), [rawFrame(hello)])
      // The engine lends what has arrived: its transport copies it.
      const bytesIn = transport === 'netpoll' ? prefixBytes + hello.length : 0
      expect(server.counters).toMatchObject({
        calls: 1,
        messagesIn: 1,
        messagesOut: 1,
        copies: bytesIn > 0 ? 2 : 1,
        copiedBytes: hello.length + bytesIn,
      })
    })
  })

  describe('compressed messages', () => {
    const gzipped = { 'grpc-encoding': 'gzip' }

    test('gzip is understood, in order with what is not compressed', async () => {
      const texts = ['first', 'second', 'third', 'fourth']
      const frames = texts.map((text, index) => {
        const message = echoMessage(Buffer.from(text))
        return index % 2 === 0 ? rawFrame(gzipSync(message), 1) : rawFrame(message)
      })
      const { body, trailers } = await exchange(session, grpcHeaders(chatPath, gzipped), frames)
      expect(trailers['grpc-status']).toBe('0')
      expect(body).toEqual(Buffer.concat(texts.map((text) => rawFrame(echoMessage(Buffer.from(text))))))
    })

    test('a compressed message without an encoding agreed on is INTERNAL', async () => {
      const answer = await exchange(session, grpcHeaders(echoPath), [rawFrame(gzipSync(hello), 1)])
      expect(grpcStatus(answer)).toBe('13')
    })

    test('what is not gzip is INTERNAL', async () => {
      const answer = await exchange(session, grpcHeaders(echoPath, gzipped), [rawFrame(Buffer.from('nonsense'), 1)])
      expect([grpcStatus(answer), grpcMessage(answer)]).toEqual(['13', 'a compressed message is not valid gzip'])
    })

    test.each([
      ['the message limit', 64 * 1024 * 1024],
      ['the ratio', 2 * 1024 * 1024],
    ])('a bomb ends at %s', async (_what, length) => {
      const bomb = gzipSync(Buffer.alloc(length))
      const answer = await exchange(session, grpcHeaders(echoPath, gzipped), [rawFrame(bomb, 1)])
      expect(grpcStatus(answer)).toBe('8')
    })
  })

  describe('connections', () => {
    test('the settings are those of the limits', () => {
      expect(session.remoteSettings).toMatchObject({
        enablePush: false,
        maxConcurrentStreams: 128,
        maxHeaderListSize: 16 * 1024,
        initialWindowSize: 256 * 1024,
      })
    })

    test('a client that goes on sending for a call that is answered is told to stop', async () => {
      session.destroy()
      await server.close(100)
      await start({ lingerMs: 50, sweepMs: 20 })
      const answer = await exchange(session, grpcHeaders('/no/such'), [rawFrame(hello)], false)
      expect([grpcStatus(answer), answer.resetCode]).toEqual(['12', 0])
    })

    test('one without a call is told to leave, one with a call is not', async () => {
      session.destroy()
      await server.close(100)
      await start({ idleMs: 100, sweepMs: 20 })
      const busy = await openSession(url)
      const call = exchange(busy, grpcHeaders(chatPath), [rawFrame(hello)], false)
      const mute = createConnection(Number(new URL(url).port), '127.0.0.1').resume()
      await once(mute, 'close')
      await expect.poll(() => session.destroyed).toBe(true)
      expect(busy.closed).toBe(false)
      busy.destroy()
      await call
    })

    test('a client that vanishes leaves nothing behind', async () => {
      const calls = Array.from({ length: 20 }, () => exchange(session, grpcHeaders(chatPath), [rawFrame(hello)], false))
      await expect.poll(() => server.counters.calls).toBe(20)
      session.destroy()
      await Promise.all(calls)
      await expect.poll(() => server.inFlight).toBe(0)
      expect(server.counters.cancelled).toBe(20)
    })
  })

  test('a port that is taken is said to be', async () => {
    await expect(listen(createGrpcServer(), Number(new URL(url).port))).rejects.toMatchObject({
      code: 'QPS_PORT_IN_USE',
    })
  })

  describe('services', () => {
    test('are added once, and with something to do', () => {
      const definition = serviceDefinition(Workload)
      expect(() => server.addService(definition, workload({ status: () => Buffer.alloc(0) }))).toThrow(
        expect.objectContaining({ code: 'QPS_GRPC_SERVICE' }),
      )
      expect(() => createGrpcServer().addService(definition, { ecko: () => undefined })).toThrow(
        /no method of the service/,
      )
    })

    test('may name their handlers as the author of the service did', async () => {
      const other = createGrpcServer()
      other.addService(workloadDefinition, {
        Echo: (_call: never, callback: (error: object) => void) => callback({ code: 9 }),
      })
      await using closing = other
      const otherSession = await openSession((await listen(closing)).url)
      expect(grpcStatus(await exchange(otherSession, grpcHeaders(echoPath), [rawFrame(hello)]))).toBe('9')
      expect(grpcStatus(await exchange(otherSession, grpcHeaders(chatPath), [rawFrame(hello)]))).toBe('12')
      otherSession.destroy()
    })
  })
})
