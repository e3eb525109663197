import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { runLoad } from '@qps/loadgen'
import { dataHead, type Exchange, type Field, headersFrame } from '@qps/quic'
import { expect, test } from 'vitest'
import { knock } from '../src/http3/knock.ts'
import { helloHttp3, serveTest, sessionOf, short, type TestHttp3, withQuic, writeRaw } from './http3-servers.ts'

/* Servers that do what that of @qps/quic would never do. */

const one = { ...short, connections: 1 } as const
const ok: Field[] = [
  [':status', '200'],
  ['content-length', '5'],
]
const hello = Buffer.from('hello')
const content = Buffer.concat([dataHead(hello.length), hello])

/** Answers well, but for every fourth request, which gets these bytes and the end of its stream. */
async function sometimes(...pieces: Uint8Array[]): Promise<TestHttp3 & { used: Set<object> }> {
  let served = 0
  const used = new Set<object>()
  const server: TestHttp3 = await serveTest((exchange: Exchange) => {
    used.add(sessionOf(server, exchange))
    if (++served % 4 === 0) writeRaw(server, exchange, ...pieces)
    else return helloHttp3(exchange)
  })
  return { ...server, used }
}

withQuic('one request’s error of kind parse, and the connection goes on:', () => {
  test.each<[name: string, pieces: Uint8Array[]]>([
    ['an answer shorter than announced', [headersFrame(ok), dataHead(4), hello.subarray(1)]],
    ['an answer longer than announced', [headersFrame(ok), content, content]],
    ['an answer without content where some was announced', [headersFrame(ok)]],
    ['an answer without a status', [headersFrame([ok[1]!]), content]],
    ['a status that is no number', [headersFrame([[':status', '2xx']]), content]],
    ['a status behind a field', [headersFrame([ok[1]!, ok[0]!]), content]],
    ['a name in capitals', [headersFrame([...ok, ['X-Y', 'z']]), content]],
    ['a field of HTTP/1.1', [headersFrame([...ok, ['connection', 'close']]), content]],
    ['two lengths', [headersFrame([...ok, ['content-length', '6']]), content]],
    ['a change of protocol', [headersFrame([[':status', '101']]), headersFrame(ok), content]],
    ['an interim answer that ends', [headersFrame([[':status', '100']])]],
    ['no answer', [Buffer.alloc(0)]],
    ['a pseudo-header field in the trailers', [headersFrame(ok), content, headersFrame(ok)]],
    ['a head without end', [headersFrame([...ok, ['x', '1'.repeat(20_000)]]), content]],
  ])('%s', async (_name, pieces) => {
    await using server = await sometimes(...pieces)
    const result = await runLoad({ url: server.url, ...one })
    expect(result.errors).toBe(result.errorsByKind.parse)
    expect(result.errors).toBeGreaterThan(0)
    expect(result.requests).toBeGreaterThan(result.errors)
    expect(server.used.size).toBe(1)
  })
})

withQuic('what ends the connection, and the load goes on over another:', () => {
  test.each<[name: string, pieces: Uint8Array[]]>([
    ['content without a head', [content]],
    ['SETTINGS on a request’s stream', [Buffer.of(4, 0)]],
    ['a frame of HTTP/2', [Buffer.of(2, 0)]],
    ['a push that nobody allowed', [Buffer.of(5, 1, 0)]],
    ['a head behind trailers', [headersFrame(ok), content, headersFrame([]), headersFrame([])]],
    ['a field section that is none', [Buffer.of(1, 3, 0, 0, 0x80)]],
    ['a frame that is cut off', [headersFrame(ok), content.subarray(0, 4)]],
  ])('%s', async (_name, pieces) => {
    await using server = await sometimes(...pieces)
    const result = await runLoad({ url: server.url, ...one, pipeline: 2 })
    const { parse, reset } = result.errorsByKind
    expect(parse).toBeGreaterThan(0)
    expect(reset).toBeLessThanOrEqual(parse)
    expect(result.errors).toBe(parse + reset)
    expect(result.requests).toBeGreaterThan(parse)
    expect(server.used.size).toBeGreaterThan(1)
  })
})

withQuic('a server of HTTP/3', () => {
  test('passes over interim answers, trailers and frames that mean nothing', async () => {
    const early = headersFrame([
      [':status', '103'],
      ['link', '</a>'],
    ])
    await using server = await sometimes(
      early,
      Buffer.of(0x21, 1, 7),
      headersFrame(ok),
      content,
      headersFrame([['x', 'y']]),
    )
    expect(await runLoad({ url: server.url, ...one })).toMatchObject({ errors: 0 })
  })

  test('that answers nothing: timeouts, each stream for itself', async () => {
    let served = 0
    await using server = await serveTest((exchange) => {
      if (served++ % 10 !== 9) setTimeout(() => helloHttp3(exchange), 2)
    })
    const result = await runLoad({ url: server.url, ...one, pipeline: 4, durationS: 1, timeoutS: 0.2 })
    expect(result.errors).toBe(result.errorsByKind.timeout)
    expect(result.errors).toBeGreaterThan(0)
    expect(result.requests).toBeGreaterThan(5)
  })

  test('that begins an answer and never ends it: a timeout, and the server learns that nobody waits', async () => {
    let stopped = 0
    const onRequestDone = (_method: string, _path: string, status: number): void => {
      if (status === 499) stopped++
    }
    await using server: TestHttp3 = await serveTest(
      (exchange) => {
        sessionOf(server, exchange).connection.write(exchange.streamId, [headersFrame(ok)], false)
      },
      { onRequestDone, limits: { sweepMs: 20 } },
    )
    const result = await runLoad({ url: server.url, ...one, durationS: 1.5, timeoutS: 0.4 })
    const { timeout, connect } = result.errorsByKind
    // On a busy machine a handshake may take as long.
    expect([result.requests, result.errors]).toEqual([0, timeout + connect])
    expect(timeout).toBeGreaterThan(1)
    await expect.poll(() => stopped, { timeout: 5000 }).toBeGreaterThan(0)
  })

  test('that is gone without a word in the middle of the load: timeouts, then nobody to connect to', async () => {
    const server = await serveTest(helloHttp3)
    const loaded = runLoad({ url: server.url, ...short, connections: 2, durationS: 1.2, timeoutS: 0.2, rateQps: 100 })
    await expect.poll(() => server.running.server.answered, { timeout: 5000 }).toBeGreaterThan(5)
    // Its socket is closed, and nobody is told.
    server.running.server[Symbol.dispose]()
    const result = await loaded
    expect(result.requests).toBeGreaterThan(5)
    expect(result.valid).toBe(false)
    expect(result.errorsByKind.timeout).toBeGreaterThan(0)
    expect(result.errorsByKind.connect).toBeGreaterThan(0)
    const { timeout, connect, unsent } = result.errorsByKind
    expect(result.errors).toBe(timeout + connect + unsent)
  })

  test('that cuts connections: what is outstanding is reset, and the load goes on', async () => {
    let served = 0
    await using server: TestHttp3 = await serveTest((exchange) => {
      if (++served % 20 !== 0) return helloHttp3(exchange)
      for (const session of server.running.server.sessions) session.connection.close(0x102, 'on purpose')
    })
    const result = await runLoad({ url: server.url, ...one, pipeline: 2 })
    expect(result.errors).toBe(result.errorsByKind.reset)
    expect(result.errors).toBeGreaterThan(0)
    expect(result.requests).toBeGreaterThan(result.errors)
  })
})

withQuic('before the load begins it is found out', () => {
  test('that nobody listens: at once, though UDP answers nothing', async () => {
    const probe = createSocket('udp4').bind(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address()
    probe.close()
    await once(probe, 'close')
    const beganMs = performance.now()
    await expect(runLoad({ url: `https://127.0.0.1:${port}/`, ...one, timeoutS: 60 })).rejects.toMatchObject({
      code: 'QPS_UNREACHABLE',
      message: expect.stringContaining(`nobody listens on the UDP port ${port} of 127.0.0.1`) as string,
      hint: expect.stringContaining('--variant quic') as string,
    })
    expect(performance.now() - beganMs).toBeLessThan(10_000)
  })

  test('that somebody listens who does not answer: by the timeout', async () => {
    const silent = createSocket('udp4').bind(0, '127.0.0.1')
    await once(silent, 'listening')
    const url = `https://127.0.0.1:${silent.address().port}/`
    await expect(runLoad({ url, ...one, timeoutS: 0.3 })).rejects.toMatchObject({
      code: 'QPS_UNREACHABLE',
      message: expect.stringContaining('no answer over UDP within 0.3 s') as string,
      hint: expect.stringContaining('whether UDP reaches') as string,
    })
    silent.close()
  })

  test('that the name is unknown', async () => {
    await expect(runLoad({ url: 'https://nobody.invalid/', ...one })).rejects.toMatchObject({
      code: 'QPS_UNREACHABLE',
      message: expect.stringContaining('the name nobody.invalid is unknown') as string,
    })
  })
})

test('knocking is not answered by who listens, and learns of nobody', async () => {
  const listener = createSocket('udp4').bind(0, '127.0.0.1')
  await once(listener, 'listening')
  const target = { address: '127.0.0.1', port: listener.address().port }
  let [heard, refused] = [0, 0]
  listener.on('message', () => heard++)
  {
    using knocking = knock(target, () => refused++)
    expect(knocking).toBeDefined()
    await expect.poll(() => heard, { timeout: 5000 }).toBeGreaterThan(1)
  }
  expect(refused).toBe(0)
  listener.close()
  await once(listener, 'close')
  const again = knock(target, () => refused++)
  await expect.poll(() => refused, { timeout: 5000 }).toBe(1)
  again[Symbol.dispose]()
  await sleep(150)
  expect(refused).toBe(1)
})
