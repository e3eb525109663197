import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type Server } from 'node:tls'
import { ManualClock, type QpsError, systemClock } from '@qps/core'
import {
  type Authority,
  type CertificateWatch,
  checkPair,
  createAuthority,
  type KeyAndCertificate,
  secureContextOptions,
  TicketKeys,
  watchCertificate,
} from '@qps/tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listen, type Listening, shake } from './handshakes.ts'

const hosts = ['localhost', '127.0.0.1']
const tickets = new TicketKeys({ secret: randomBytes(32) })
let folder: string
let authority: Authority
let clock: ManualClock
let errors: QpsError[]
let watch: CertificateWatch
let listening: Listening
let server: Server

const optionsOf = (pair: KeyAndCertificate): ReturnType<typeof secureContextOptions> =>
  secureContextOptions({ ...pair, tickets })
const serialOf = ({ cert }: KeyAndCertificate): string => new X509Certificate(cert).serialNumber
const served = async (): Promise<string> => (await shake(listening.port, { ca: authority.cert })).serial
const file = (name: string): string => join(folder, name)

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qps-watch-'))
  clock = new ManualClock(systemClock.wallMs())
  authority = createAuthority({ directory: folder })
  const files = authority.issueFiles('server', { hosts })
  errors = []
  watch = watchCertificate({
    ...files,
    clock,
    periodMs: 1000,
    onChange: (pair) => server.setSecureContext(optionsOf(pair)),
    onError: (error) => errors.push(error),
  })
  listening = await listen(optionsOf(watch.current))
  server = listening.server
})

afterEach(async () => {
  watch[Symbol.dispose]()
  await listening[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

test('a new pair is served from the next look on; open connections and tickets go on', async () => {
  const before = watch.current
  expect(await served()).toBe(serialOf(before))
  server
    .removeAllListeners('secureConnection')
    .on('secureConnection', (socket) => socket.on('error', () => {}).pipe(socket))
  const open = connect({ port: listening.port, host: '127.0.0.1', ca: authority.cert })
  const [session] = (await once(open, 'session')) as [Buffer]

  authority.issueFiles('server', { hosts })
  clock.advance(1000)
  expect(serialOf(watch.current)).not.toBe(serialOf(before))
  open.write('still here')
  expect(String((await once(open, 'data'))[0])).toBe('still here')
  open.destroy()

  server
    .removeAllListeners('secureConnection')
    .on('secureConnection', (socket) => socket.on('error', () => {}).end('.'))
  expect(await served()).toBe(serialOf(watch.current))
  expect((await shake(listening.port, { ca: authority.cert, session })).resumed).toBe(true)
  expect(errors).toEqual([])
})

const other = (options: object = {}): KeyAndCertificate => authority.issue({ hosts, ...options })

test.each<[string, string, () => void]>([
  ['a broken certificate', 'QPS_TLS_CERTIFICATE', () => writeFileSync(file('server.pem'), 'nothing')],
  [
    'half a certificate',
    'QPS_TLS_CERTIFICATE',
    () => writeFileSync(file('server.pem'), readFileSync(file('server.pem')).subarray(0, 300)),
  ],
  [
    'a broken chain',
    'QPS_TLS_CERTIFICATE',
    () =>
      writeFileSync(
        file('server.pem'),
        `${readFileSync(file('server.pem'), 'utf8')}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      ),
  ],
  ['a broken key', 'QPS_TLS_KEY', () => writeFileSync(file('server.key'), 'nothing')],
  ['a key that does not fit', 'QPS_TLS_PAIR', () => writeFileSync(file('server.key'), other().key)],
  ['a certificate that does not fit', 'QPS_TLS_PAIR', () => writeFileSync(file('server.pem'), other().cert)],
  [
    'an expired one',
    'QPS_TLS_VALIDITY',
    () => authority.issueFiles('server', { hosts, validFromMs: Date.now() - 172_800_000, validDays: 1 }),
  ],
  [
    'one that is not valid yet',
    'QPS_TLS_VALIDITY',
    () => authority.issueFiles('server', { hosts, validFromMs: Date.now() + 86_400_000 }),
  ],
  ['a file that is gone', 'QPS_TLS_FILE', () => rmSync(file('server.key'))],
  ['a file that is far too large', 'QPS_TLS_FILE', () => writeFileSync(file('server.pem'), Buffer.alloc(1_048_577))],
])('%s is reported once, and the old one stays in use', async (_, code, spoil) => {
  const before = watch.current
  spoil()
  clock.advance(5000)
  expect(errors.map((error) => error.code)).toEqual([code])
  expect(errors[0]!.message).toContain(`${file('server.pem')} and ${file('server.key')} are not taken`)
  expect(errors[0]!.hint).toBeTruthy()
  expect(watch.current).toBe(before)
  expect(await served()).toBe(serialOf(before))

  authority.issueFiles('server', { hosts })
  clock.advance(1000)
  expect(errors).toHaveLength(1)
  expect(await served()).toBe(serialOf(watch.current))
  expect(serialOf(watch.current)).not.toBe(serialOf(before))
})

test('a pair that the server refuses is not the current one', () => {
  const before = watch.current
  server = { setSecureContext: () => expect.unreachable('refused') } as unknown as Server
  authority.issueFiles('server', { hosts })
  expect(watch.check()).toBe(false)
  expect(watch.current).toBe(before)
  expect(errors[0]!.message).toContain('refused')
})

test('nothing is looked at after the end, and nothing is read while nothing changes', async () => {
  const { atimeNs } = statSync(file('server.key'), { bigint: true })
  expect(watch.check()).toBe(false)
  expect(statSync(file('server.key'), { bigint: true }).atimeNs).toBe(atimeNs)
  watch[Symbol.dispose]()
  expect(clock.pending).toBe(0)
})

test('the first pair must be good', () => {
  writeFileSync(file('server.key'), other().key)
  const start = (): CertificateWatch =>
    watchCertificate({ certFile: file('server.pem'), keyFile: file('server.key'), onChange() {}, onError() {} })
  expect(start).toThrow(expect.objectContaining({ code: 'QPS_TLS_PAIR' }))
})

test('a key of another kind does not fit', () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  expect(() => checkPair(watch.current.cert, key, clock.wallMs())).toThrow(
    expect.objectContaining({ code: 'QPS_TLS_PAIR', message: expect.stringContaining('CN=localhost') }),
  )
})
