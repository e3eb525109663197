import { constants } from 'node:crypto'
import { secureContextOptions, TicketKeys } from '@qps/tls'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { readClientHello } from '../src/front/client-hello.ts'
import { helloOf, listen, localhost, only, shake, versions } from './handshakes.ts'

const tickets = new TicketKeys({ secret: Buffer.alloc(32, 1) })
const sessions = new Map<string, Buffer>()
const hellos = new Map<string, Buffer>()

beforeAll(async () => {
  await using listening = await listen(secureContextOptions({ ...localhost, tickets }))
  for (const version of versions) {
    const { session } = await shake(listening.port, only(version))
    sessions.set(version, session!)
    hellos.set(version, await helloOf({ ...only(version), session: session! }))
  }
})

test.each(versions)('%s: the name of the key of a ticket', async (version) => {
  const reading = readClientHello(hellos.get(version)!)
  expect(reading).toEqual({ kind: 'hello', ticketNames: [tickets.current().subarray(0, 16)] })
})

test.each(versions)('%s: a hello without a ticket has none', async (version) => {
  const secureOptions = constants.SSL_OP_NO_TICKET
  expect(readClientHello(await helloOf(only(version)))).toEqual({ kind: 'hello', ticketNames: [] })
  expect(readClientHello(await helloOf({ ...only(version), secureOptions }))).toEqual({
    kind: 'hello',
    ticketNames: [],
  })
})

test.each(versions)('%s: cut anywhere, it asks for the header, then for the rest', (version) => {
  const hello = hellos.get(version)!
  for (let length = 0; length < hello.length; length++) {
    const reading = readClientHello(hello.subarray(0, length))
    expect(reading).toEqual({ kind: 'more', bytes: length < 5 ? 5 : hello.length })
  }
})

test('what is no ClientHello is left to OpenSSL', () => {
  expect(readClientHello(Buffer.from('GET / HTTP/1.1\r\n'))).toEqual({ kind: 'other' })
  expect(readClientHello(Buffer.of(22, 3, 1, 0xff, 0xff))).toEqual({ kind: 'other' })
  expect(readClientHello(Buffer.of(22, 3, 1, 0, 0))).toEqual({ kind: 'other' })
  expect(readClientHello(Buffer.of(22, 3, 1, 0, 4, 2, 0, 0, 0))).toEqual({ kind: 'other' })
})

test('any bytes and any damage to a hello are read without a throw, and never beyond the end', () => {
  const damaged = fc
    .tuple(fc.constantFrom(...versions), fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 8 }))
    .map(([version, changes]) => {
      const bytes = Buffer.from(hellos.get(version)!)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return bytes
    })
  const any = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.of(22, 3, 1, 0, bytes.length % 256, 1, ...bytes))
  fc.assert(
    fc.property(fc.oneof(damaged, any), (bytes) => {
      const reading = readClientHello(bytes)
      if (reading.kind === 'more') expect(reading.bytes).toBeGreaterThan(bytes.length)
      if (reading.kind !== 'hello') return
      expect(reading.ticketNames.length).toBeLessThanOrEqual(4)
      for (const name of reading.ticketNames) {
        expect(name).toHaveLength(16)
        expect(bytes.indexOf(name)).toBeGreaterThan(0)
      }
    }),
    { numRuns: 2000 },
  )
})
