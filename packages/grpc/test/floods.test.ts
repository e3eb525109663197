import { createConnection } from 'node:net'
import { createGrpcServer, type GrpcLimits, type GrpcServer, workload, workloadDefinition } from '@qps/grpc'
import { type ClientHttp2Stream, connect } from 'node:http2'
import { afterEach, describe, expect, test } from 'vitest'
import { transports } from './interop/transports.ts'
import {
  answerOf,
  chatPath,
  echoMessage,
  echoPath,
  exchange,
  expandPath,
  grpcHeaders,
  grpcStatus,
  openSession,
  rawFrame,
} from './raw.ts'

describe.each(transports)('over %s', (_transport, listen) => {
  let server: GrpcServer
  let url: string
  let handlersRun: number

  async function start(limits: Partial<GrpcLimits> = {}): Promise<void> {
    server = createGrpcServer({ limits })
    handlersRun = 0
    const service = workload({ status: () => Buffer.from('ok') })
    server.addService(workloadDefinition, {
      ...service,
      chat(call: never): void {
        handlersRun++
        service.chat(call)
      },
    })
    ;({ url } = await listen(server))
  }

  afterEach(() => server.close(100))

  const hello = rawFrame(echoMessage(Buffer.from('hello')))

  /** One frame of HTTP/2 (RFC 9113 section 4.1). */
  function h2Frame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head[3] = type
    head[4] = flags
    head.writeUInt32BE(streamId, 5)
    return Buffer.concat([head, payload])
  }

  /** A header without indexing and without Huffman's code (RFC 7541 section 6.2.2). */
  function literal(name: string, value: string): Buffer {
    return Buffer.concat([
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ])
  }

  const headerBlock = Buffer.concat([
    literal(':method', 'POST'),
    literal(':scheme', 'http'),
    literal(':path', chatPath),
    literal(':authority', 'attacker'),
    literal('content-type', 'application/grpc'),
  ])
  const endHeaders = 0x4
  const endStream = 0x1

  /** A stream that is opened and reset: HEADERS, then RST_STREAM. */
  function openAndReset(streamId: number, flags: number, resetCode: number): Buffer {
    const code = Buffer.alloc(4)
    code.writeUInt32BE(resetCode)
    return Buffer.concat([h2Frame(1, endHeaders | flags, streamId, headerBlock), h2Frame(3, 0, streamId, code)])
  }

  test.each([
    ['open', 0, 0x8, 1, 150],
    ['open', 0, 0x8, 100, 150],
    ['open', 0, 0x0, 100, 150],
    ['complete', endStream, 0x8, 1, 150],
    ['complete', endStream, 0x8, 100, 150],
    // Only nghttp2 can tell these from calls that ended well, and its limit is ten times ours, what is refilled and a read's worth on top.
    ['complete', endStream, 0x0, 100, 2000],
  ])(
    'rapid resets of calls that are %s (flags %d, code %d, %d at a time) run at most %d handlers',
    async (_what, flags, code, batch, handlersMax) => {
      await start()
      const bystander = await openSession(url)
      const attacker = createConnection(Number(new URL(url).port), '127.0.0.1')
      attacker.on('error', () => undefined)
      attacker.resume()
      attacker.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), h2Frame(4, 0, 0)]))
      const closed = new Promise<void>((resolve) => void attacker.on('close', () => resolve()))
      for (let sent = 0; sent < 20_000 && attacker.writable; sent += batch) {
        const streams = Array.from({ length: batch }, (_, index) => openAndReset((sent + index) * 2 + 1, flags, code))
        attacker.write(Buffer.concat(streams))
        await new Promise((resolve) => void setImmediate(resolve))
      }
      expect(handlersRun).toBeLessThanOrEqual(handlersMax)
      await closed
      expect(grpcStatus(await exchange(bystander, grpcHeaders(echoPath), [hello]))).toBe('0')
      await expect.poll(() => [server.connections, server.inFlight]).toEqual([1, 0])
      bystander.destroy()
    },
  )

  test('calls that are open while others were reset are limited as well', async () => {
    await start({ resetsPerS: 1 })
    const session = await openSession(url)
    const opened: ClientHttp2Stream[] = []
    const open = async (): Promise<void> => {
      const stream = session.request(grpcHeaders(chatPath), { endStream: false })
      stream.on('error', () => undefined)
      stream.write(hello)
      opened.push(stream)
      await new Promise<void>((resolve) => {
        stream.once('data', () => resolve())
        stream.once('close', resolve)
      })
    }
    for (let at = 0; at < 90; at++) await open()
    for (const stream of opened.splice(0)) stream.close(0x8)
    await expect.poll(() => server.inFlight).toBe(0)
    for (let at = 0; at < 90; at++) await open()
    expect(handlersRun).toBeLessThanOrEqual(150)
    expect(opened.some((stream) => stream.rstCode === 0x7)).toBe(true)
    session.destroy()
  })

  test('a client that cancels now and then keeps its connection', async () => {
    await start()
    const session = await openSession(url)
    for (let at = 0; at < 300; at++) {
      const stream = session.request(grpcHeaders(chatPath), { endStream: false })
      stream.on('error', () => undefined)
      stream.write(hello)
      await new Promise<void>((resolve) => void stream.once('data', () => resolve()))
      stream.close(0x8)
      for (let good = 0; good < 2; good++) {
        expect(grpcStatus(await exchange(session, grpcHeaders(echoPath), [hello]))).toBe('0')
      }
    }
    expect(session.destroyed).toBe(false)
    session.destroy()
  })

  /** Field 1 is `count`, field 2 is `size`. */
  const expandMuch = rawFrame(Buffer.from([0x08, 100, 0x10, 0x80, 0x80, 0x08]))

  test('a call that nobody reads is over when its client resets it, whatever the code', async () => {
    server = createGrpcServer()
    const cancelled = Promise.withResolvers<void>()
    server.addService(workloadDefinition, {
      chat(call: { on(event: 'cancelled', listener: () => void): void }): void {
        call.on('cancelled', cancelled.resolve)
      },
    })
    const session = await openSession((await listen(server)).url)
    const stream = session.request(grpcHeaders(chatPath), { endStream: false })
    stream.on('error', () => undefined)
    for (let at = 0; at < 40; at++) stream.write(hello)
    await expect.poll(() => server.inFlight).toBe(1)
    await new Promise((resolve) => void setTimeout(resolve, 50))
    stream.close(0)
    await cancelled.promise
    await expect.poll(() => server.inFlight).toBe(0)
    session.destroy()
  })

  test('a client that opens no window is cut, with everything on its connection', async () => {
    await start({ readerStallMs: 200, sweepMs: 50 })
    const session = connect(url, { settings: { initialWindowSize: 0 } })
    session.on('error', () => undefined)
    const started = performance.now()
    await exchange(session, grpcHeaders(expandPath), [expandMuch])
    expect(performance.now() - started).toBeLessThan(3_000)
    await expect.poll(() => server.connections).toBe(0)
  })

  test('a large message to a client that opens no window is no way round', async () => {
    await start({ readerStallMs: 200, sweepMs: 50 })
    const session = connect(url, { settings: { initialWindowSize: 0 } })
    session.on('error', () => undefined)
    await exchange(session, grpcHeaders(echoPath), [
      rawFrame(Buffer.concat([Buffer.from([0x0a, 0x80, 0x80, 0x40]), Buffer.alloc(1 << 20)])),
    ])
    await expect.poll(() => server.connections).toBe(0)
  })

  test('one call that is not read does not cost its neighbours their connection', async () => {
    await start({ readerStallMs: 300, sweepMs: 50 })
    const session = await openSession(url)
    const stalled = session.request(grpcHeaders(expandPath), { endStream: false })
    stalled.end(expandMuch)
    stalled.on('response', () => stalled.pause())
    const busy = session.request(grpcHeaders(chatPath), { endStream: false })
    busy.on('error', () => undefined)
    const stall = { over: false }
    const ended = answerOf(stalled).then((answer) => {
      stall.over = true
      return answer
    })
    while (!stall.over) {
      busy.write(hello)
      await new Promise((resolve) => void setTimeout(resolve, 20))
    }
    expect((await ended).resetCode).toBe(0xb)
    expect(grpcStatus(await exchange(session, grpcHeaders(echoPath), [hello]))).toBe('0')
    session.destroy()
  })
})
