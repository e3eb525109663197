import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions, getCiphers, type SecureVersion } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpLimits } from '@qps/http'
import { requireProgram, slowClients, type StageProcess, startStage } from '@qps/testkit'
import { contextDefaults, createAuthority, frontDefaults } from '@qps/tls'
import { afterAll, beforeAll, describe, test } from 'vitest'

type Endpoint = 'tls' | 'grpc'
const endpoints: readonly Endpoint[] = ['tls', 'grpc']
const startSecure = (...options: string[]): Promise<StageProcess> =>
  startStage('03-http2-grpc', ['--variant', 'tls', ...options])

const portOf = ({ events }: StageProcess, endpoint: Endpoint = 'tls'): number => {
  const address = (events[0]!['endpoints'] as Record<Endpoint, string>)[endpoint]
  return Number(address.slice(address.lastIndexOf(':') + 1))
}
const only = (version: SecureVersion): ConnectionOptions => ({ minVersion: version, maxVersion: version })

interface Shaken {
  suite: string
  isResumed: boolean
  session: Buffer
  /** As the client got it. */
  ticket: Buffer | undefined
}

/** Shakes hands as h2 and says the preface: behind the server's SETTINGS a client of TLS 1.3 has its tickets. @throws what it fails with. */
async function shake(port: number, options: ConnectionOptions = {}): Promise<Shaken> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
    ...options,
  })
  let session = Buffer.alloc(0)
  socket.on('session', (bytes) => (session = bytes))
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
  await once(socket, 'data')
  const ticket = socket.getTLSTicket()
  const shaken = { suite: socket.getCipher().standardName, isResumed: socket.isSessionReused(), ticket, session }
  socket.destroy()
  return shaken
}

/** The name of the key that a ticket was written with stands in the open, in its first 16 bytes (RFC 5077, 4). */
async function ticketKeyName(port: number): Promise<{ name: string; session: Buffer }> {
  const { ticket, session } = await shake(port, only('TLSv1.2'))
  return { name: ticket!.subarray(0, 16).toString('hex'), session }
}

const isResumed = async (port: number, session: Buffer, version: SecureVersion): Promise<boolean> =>
  (await shake(port, { ...only(version), session })).isResumed

/** Most of this goes on side by side, at one server. */
let stage: StageProcess
beforeAll(async () => void (stage = await startSecure()))
afterAll(() => stage[Symbol.asyncDispose]())

describe.concurrent('S15 TLS', () => {
  test.for(endpoints)('%s: of all suites that OpenSSL knows, AEAD with ECDHE only', async (endpoint, { expect }) => {
    const port = portOf(stage, endpoint)
    const accepted: string[] = []
    for (const ciphers of getCiphers().filter((name) => !name.startsWith('tls_'))) {
      const options = { ...only('TLSv1.2'), ciphers: `${ciphers.toUpperCase()}:@SECLEVEL=0` }
      await shake(port, options).then(
        () => accepted.push(ciphers),
        () => {},
      )
    }
    // Those for a certificate with an ECDSA key, as this one is.
    expect(accepted.toSorted()).toEqual([
      'ecdhe-ecdsa-aes128-gcm-sha256',
      'ecdhe-ecdsa-aes256-gcm-sha384',
      'ecdhe-ecdsa-chacha20-poly1305',
    ])
    expect((await shake(port, only('TLSv1.3'))).suite).toMatch(/_(GCM|POLY1305)_/)
    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      await expect(shake(port, { ...only(version), ciphers: 'ALL:@SECLEVEL=0' }), version).rejects.toThrow(
        'protocol version',
      )
    }
  })

  test.for(endpoints)('%s: 0-RTT is off', async (endpoint, { expect, skip }) => {
    const openssl = requireProgram('openssl', 'apt-get install openssl')
    if (!openssl.available) skip(openssl.reason)
    const folder = mkdtempSync(join(tmpdir(), 'qps-s15-'))
    try {
      const [session, data] = [join(folder, 'session'), join(folder, 'data')]
      writeFileSync(data, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
      const client = (...more: string[]): Promise<string> => sClient(portOf(stage, endpoint), more)
      expect(await client('-sess_out', session)).toMatch(/Max Early Data: 0\b/)
      const second = await client('-sess_in', session, '-early_data', data)
      expect(second).toContain('Reused, TLSv1.3')
      expect(second).toContain('Early data was not sent')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('keys of tickets are shared by the processes that have the secret, and by no other', async ({ expect }) => {
    const folder = mkdtempSync(join(tmpdir(), 'qps-s15-'))
    try {
      const [secret, another] = [join(folder, 'secret'), join(folder, 'another')]
      for (const file of [secret, another]) writeFileSync(file, randomBytes(32), { mode: 0o600 })
      const { keyFile, certFile } = createAuthority({ directory: folder }).issueFiles('s15', { hosts: ['localhost'] })
      const start = (file: string): Promise<StageProcess> =>
        startSecure('--cert', certFile, '--key', keyFile, '--ticket-secret', file)
      const [first, second, stranger] = await Promise.all([start(secret), start(secret), start(another)])
      await using _stages = { [Symbol.asyncDispose]: () => stopAll(first, second, stranger) }
      expect((await ticketKeyName(portOf(second))).name).toBe((await ticketKeyName(portOf(first))).name)
      expect((await ticketKeyName(portOf(stranger))).name).not.toBe((await ticketKeyName(portOf(first))).name)
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const { session } = await shake(portOf(first), only(version))
        const ports = [portOf(first), portOf(second), portOf(second, 'grpc'), portOf(stranger)]
        const resumed: boolean[] = []
        for (const port of ports) resumed.push(await isResumed(port, session, version))
        expect(resumed, version).toEqual([true, true, true, false])
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('keys of tickets rotate: those of the slot before still resume, older ones do not', async ({ expect }) => {
    const slotMs = 4_000
    await using rotating = await startSecure('--ticket-slot', String(slotMs / 1_000))
    const port = portOf(rotating)
    // Late in a slot, so that the ticket does not age before the next one begins.
    await untilInSlot(slotMs, 0.7)
    const before = await ticketKeyName(port)
    await untilInSlot(slotMs, 0.1)
    const after = await ticketKeyName(port)
    expect(after.name).not.toBe(before.name)
    expect(await isResumed(port, before.session, 'TLSv1.2')).toBe(true)
    expect(await isResumed(port, after.session, 'TLSv1.2')).toBe(true)
    await untilInSlot(slotMs, 0.1)
    expect(await isResumed(port, before.session, 'TLSv1.2')).toBe(false)
  })
})

describe.concurrent('S15 who is slow behind or within the handshake', () => {
  test.for(endpoints)('%s: half a handshake, or none, is closed in time', async (endpoint, { expect }) => {
    const port = portOf(stage, endpoint)
    const hello = await clientHello()
    const openings = [Buffer.alloc(0), Buffer.of(22), hello.subarray(0, 100), hello]
    const closedMs = await Promise.all(
      Array.from({ length: 80 }, (_, index) => closedAfterMs(port, openings[index % openings.length]!)),
    )
    const limitMs = Math.max(frontDefaults.helloTimeoutMs, contextDefaults.handshakeTimeoutMs)
    expect(Math.max(...closedMs)).toBeLessThan(limitMs + 3_000)
    expect(Math.min(...closedMs)).toBeGreaterThan(limitMs - 1_000)
    expect((await shake(port)).isResumed).toBe(false)
  })

  // Rows S1 to S3 for HTTP/1.1 behind a handshake.
  test.for([
    ['headers', httpLimits.headersTimeoutMs],
    ['silent', httpLimits.headersTimeoutMs],
    ['body', httpLimits.requestTimeoutMs],
    ['reader', httpLimits.readerStallMs],
  ] as const)('http/1.1 over TLS: slow clients (%s) are cut in time', async ([mode, limitMs], { expect }) => {
    // Few: clients of TLS work as hard as the server, and all of them are in this process.
    const slow = await slowClients({ port: portOf(stage), secure: true, mode, count: 3, limitMs: limitMs + 5_000 })
    expect(slow.held).toBe(0)
    expect(Math.max(...slow.closedMs)).toBeLessThanOrEqual(limitMs + 3_000)
    expect((await fetch(stage.url)).status).toBe(200)
  })
})

async function stopAll(...stages: StageProcess[]): Promise<void> {
  await Promise.all(stages.map((each) => each[Symbol.asyncDispose]()))
}

/** Waits for the next moment at which this share of a slot has passed. */
async function untilInSlot(slotMs: number, share: number): Promise<void> {
  const restMs = share * slotMs - (Date.now() % slotMs)
  await sleep(restMs > 0 ? restMs : restMs + slotMs)
}

async function closedAfterMs(port: number, opening: Buffer): Promise<number> {
  const socket = connectTcp(port, '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  const startMs = performance.now()
  socket.write(opening)
  await once(socket.resume(), 'close')
  return performance.now() - startMs
}

/** What a client of OpenSSL says first. */
async function clientHello(): Promise<Buffer> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const client = connect((listener.address() as AddressInfo).port).on('error', () => {})
  const [raw] = (await once(listener, 'connection')) as [Socket]
  const [bytes] = (await once(raw, 'data')) as [Buffer]
  client.destroy()
  raw.destroy()
  listener.close()
  return bytes
}

/** All that `openssl s_client` prints until it has had its tickets. */
function sClient(port: number, more: string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-alpn', 'h2', '-tls1_3', ...more]
  const child = execFile('openssl', args, { timeout: 10_000 }, (error, stdout, stderr) => {
    if (error && stdout === '') reject(error)
    else resolve(stdout + stderr)
  })
  // What it prints of a session, it prints when that has come; the end of its input ends it.
  child.stdout!.on('data', () => setTimeout(() => child.stdin?.destroy(), 500))
  return promise
}
