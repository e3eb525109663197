import { createServer as createNet } from 'node:net'
import { type HandshakeTrace, secureContextOptions, traceHandshake, traceHandshakes } from '@qps/tls'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { RecordReader } from '../src/trace/record-reader.ts'
import { authority, closed, helloOf, listen, localhost, only, portOf } from './handshakes.ts'

let traces: HandshakeTrace[]
beforeAll(async () => {
  traces = await traceHandshakes(secureContextOptions(localhost), authority.cert)
})
const holds = ({ flights }: HandshakeTrace): string[][] =>
  flights.map(({ from, records }) => [from, ...records.flatMap((record) => record.holds)])

test('two versions, full and resumed, with their round trips', () => {
  expect(traces.map(({ version, resumed, roundTrips }) => [version, resumed, roundTrips])).toEqual([
    ['TLSv1.2', false, 2],
    ['TLSv1.2', true, 1],
    ['TLSv1.3', false, 1],
    ['TLSv1.3', true, 1],
  ])
})

test('TLS 1.2: who says what', () => {
  expect(holds(traces[0]!)).toEqual([
    ['client', 'ClientHello'],
    ['server', 'ServerHello', 'Certificate', 'ServerKeyExchange', 'ServerHelloDone'],
    ['client', 'ClientKeyExchange', 'ChangeCipherSpec', 'encrypted'],
    ['server', 'NewSessionTicket', 'ChangeCipherSpec', 'encrypted'],
  ])
  expect(holds(traces[1]!)).toEqual([
    ['client', 'ClientHello'],
    ['server', 'ServerHello', 'ChangeCipherSpec', 'encrypted'],
    ['client', 'ChangeCipherSpec', 'encrypted'],
  ])
})

test('TLS 1.3: the tickets of a full handshake come behind it, and a resumed one brings none', () => {
  const sides = traces.slice(2).map(({ flights }) => flights.map(({ from }) => from))
  expect(sides).toEqual([
    ['client', 'server', 'client', 'server'],
    ['client', 'server', 'client'],
  ])
  expect(traces[2]!.session).toBeDefined()
  expect(traces[3]!.session).toBeUndefined()
})

test('a resumed handshake saves the certificate: the server sends less by more than its length', () => {
  const certificateBytes = Buffer.from(localhost.cert.replaceAll(/-.*-/g, ''), 'base64').length
  for (const [full, resumed] of [traces.slice(0, 2), traces.slice(2)]) {
    expect(full!.serverBytes - resumed!.serverBytes).toBeGreaterThan(certificateBytes)
  }
})

test.each([
  // The alert that ends it (5 + 2) and what protects it: 8 of nonce and 16 of tag; 1 of type and 16 of tag.
  ['TLSv1.2', 31],
  ['TLSv1.3', 24],
] as const)(
  '%s: the bytes are those that the server’s socket counts, but for the closing alert',
  async (version, alertBytes) => {
    const sockets: { read: number; written: number }[] = []
    await using listening = await listen(secureContextOptions(localhost), (server) => {
      server.removeAllListeners('secureConnection').on('secureConnection', (socket) => socket.resume())
      server.on('connection', (raw) => {
        raw.on('close', () => sockets.push({ read: raw.bytesRead, written: raw.bytesWritten }))
      })
    })
    const client = { ca: authority.cert, ...only(version) }
    const { clientBytes, serverBytes } = await traceHandshake({ port: listening.port, client })
    await expect.poll(() => sockets).toEqual([{ read: clientBytes + alertBytes, written: serverBytes + alertBytes }])
  },
)

test('who speaks no TLS, speaks it to nobody, or is not trusted: one error', async () => {
  const failure = expect.objectContaining({ code: 'QPS_TLS_HANDSHAKE' })
  const plain = createNet((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  )
  const port = await portOf(plain)
  await expect(traceHandshake({ port })).rejects.toEqual(failure)
  await closed(plain)
  await expect(traceHandshake({ port })).rejects.toEqual(failure)
  const silent = createNet((socket) => socket.resume().on('end', () => socket.end()))
  await expect(traceHandshake({ port: await portOf(silent), timeoutMs: 100 })).rejects.toEqual(failure)
  await closed(silent)
  await using listening = await listen(secureContextOptions(localhost))
  await expect(traceHandshake({ port: listening.port, client: { ca: [] } })).rejects.toEqual(failure)
})

describe('records', () => {
  test('however the bytes are cut, the records are the same', async () => {
    const hello = await helloOf()
    const messages = Buffer.of(2, 0, 0, 3, 9, 9, 9, 14, 0, 0, 0)
    const record = (type: number, ...fragments: Buffer[]): Buffer => {
      const fragment = Buffer.concat(fragments)
      return Buffer.concat([Buffer.of(type, 3, 3, fragment.length >> 8, fragment.length & 0xff), fragment])
    }
    const bytes = Buffer.concat([
      hello,
      record(22, messages),
      record(22, messages.subarray(0, 5)),
      record(22, messages.subarray(5)),
      record(21, Buffer.of(1, 0)),
      record(20, Buffer.of(1)),
      record(22, messages),
      record(23, Buffer.alloc(19)),
      record(23, Buffer.alloc(20)),
    ])
    const expected = [
      { bytes: hello.length, holds: ['ClientHello'] },
      { bytes: 16, holds: ['ServerHello', 'ServerHelloDone'] },
      { bytes: 10, holds: ['ServerHello'] },
      { bytes: 11, holds: ['ServerHelloDone'] },
      { bytes: 7, holds: ['alert'] },
      { bytes: 6, holds: ['ChangeCipherSpec'] },
      { bytes: 16, holds: ['encrypted'] },
      { bytes: 24, holds: ['alert'] },
      { bytes: 25, holds: ['encrypted'] },
    ]
    const cutPoints = fc.array(fc.nat(bytes.length), { maxLength: 20 }).map((cuts) => cuts.toSorted((a, b) => a - b))
    fc.assert(
      fc.property(cutPoints, (cuts) => {
        const reader = new RecordReader()
        const edges = [0, ...cuts, bytes.length]
        const records = edges.slice(1).flatMap((end, index) => reader.push(bytes.subarray(edges[index], end)))
        expect(records).toEqual(expected)
      }),
    )
    const reader = new RecordReader()
    expect([...bytes].flatMap((byte) => reader.push(Buffer.of(byte)))).toEqual(expected)
  })

  test('any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          const records = new RecordReader().push(Buffer.of(22, 3, 3, 0, ...bytes))
          expect(records.reduce((sum, record) => sum + record.bytes, 0)).toBeLessThanOrEqual(bytes.length + 4)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
    )
    expect(() => new RecordReader().push(Buffer.from('HTTP/1.1'))).toThrow(RangeError)
    expect(() => new RecordReader().push(Buffer.of(22, 3, 3, 0xff, 0xff))).toThrow(RangeError)
  })
})
