import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import { once } from 'node:events'
import { ManualClock, type QpsError, systemClock } from '@qps/core'
import { handshakeDoneChannel } from '@qps/http-contract'
import {
  createAuthority,
  listenSecure,
  type ListenSecureOptions,
  openIdentity,
  readTicketSecret,
  type SecureListener,
  TicketKeys,
} from '@qps/tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { only, shake, versions } from './handshakes.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'qps-listen-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const nothing = (): void => {}
const own = (): ReturnType<typeof openIdentity> => openIdentity({ onError: nothing })

function listen(options: Partial<ListenSecureOptions> = {}): Promise<SecureListener> {
  return listenSecure({
    port: 0,
    identity: own(),
    tickets: new TicketKeys({ secret: randomBytes(32) }),
    alpn: ['h2', 'http/1.1'],
    target: (context) => createServer(context, (socket) => socket.on('error', nothing).end('.')),
    ...options,
  })
}

describe('a secure listener', () => {
  test.each(versions)('%s: serves, resumes, and counts both', async (version) => {
    const identity = own()
    using listener = await listen({ identity })
    const told: unknown[] = []
    const onDone = (message: unknown): void => void told.push(message)
    subscribe(handshakeDoneChannel, onDone)
    const client = { ...only(version), ca: identity.authority!, ALPNProtocols: ['http/1.1', 'h2'] }
    const first = await shake(listener.port, client)
    const second = await shake(listener.port, { ...client, session: first.session! })
    unsubscribe(handshakeDoneChannel, onDone)
    expect([first.alpn, first.resumed, second.resumed]).toEqual(['h2', false, true])
    expect(listener.stats()).toMatchObject({
      handshakes: { full: 1, resumed: 1, failed: 0 },
      gate: { begun: 2, active: 0 },
      front: { silent: 0 },
    })
    expect(told).toEqual([{ resumed: false }, { resumed: true }])
  })

  test('tells of what is connecting, and when that is settled', async () => {
    const identity = own()
    using listener = await listen({ identity })
    expect([listener.listening, listener.connecting]).toEqual([true, 0])
    const silent = connectTcp(listener.port, '127.0.0.1')
    await expect.poll(() => listener.connecting).toBe(1)
    let isSettled = false
    const settled = listener.settled(10_000).then(() => (isSettled = true))
    await shake(listener.port, { ca: identity.authority! })
    expect(isSettled).toBe(false)
    silent.destroy()
    await settled
    expect(listener.connecting).toBe(0)
  })

  test('closed, it takes nobody more, and who is there goes on', async () => {
    const identity = own()
    const target: ListenSecureOptions['target'] = (context) => createServer(context, (socket) => socket.pipe(socket))
    const listener = await listen({ identity, target })
    const socket = connect({ port: listener.port, host: '127.0.0.1', ca: identity.authority! })
    await once(socket, 'secureConnect')
    listener[Symbol.dispose]()
    expect(listener.listening).toBe(false)
    await expect(shake(listener.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    socket.write('still here')
    expect(String((await once(socket, 'data'))[0])).toBe('still here')
    socket.destroy()
  })

  test('beyond its connections, further ones are closed', async () => {
    using listener = await listen({ connectionsMax: 1 })
    const held = connectTcp(listener.port, '127.0.0.1')
    await expect.poll(() => listener.connecting).toBe(1)
    await expect(shake(listener.port)).rejects.toMatchObject({ code: 'ECONNRESET' })
    held.destroy()
  })

  test('a port that is taken is said so, and nothing is left behind', async () => {
    const clock = new ManualClock(systemClock.wallMs())
    using listener = await listen()
    const tickets = new TicketKeys({ secret: randomBytes(32), clock })
    const again = listen({ port: listener.port, clock, tickets })
    await expect(again).rejects.toMatchObject({ code: 'QPS_PORT_IN_USE' })
    expect(clock.pending).toBe(0)
  })
})

describe('an identity', () => {
  test('of files changes on every listener that it has, as long as they listen', async () => {
    const clock = new ManualClock(systemClock.wallMs())
    const authority = createAuthority({ directory: folder })
    const files = authority.issueFiles('server', { hosts: ['localhost', '127.0.0.1'] })
    const errors: QpsError[] = []
    using identity = openIdentity({ ...files, clock, periodMs: 1000, onError: (error) => errors.push(error) })
    expect(identity.authority).toBeUndefined()
    using first = await listen({ identity })
    const second = await listen({ identity })
    const client = { ca: authority.cert, ALPNProtocols: ['http/1.1'] }
    const before = await shake(first.port, client)
    expect((await shake(second.port, client)).serial).toBe(before.serial)

    writeFileSync(files.certFile, 'nothing')
    clock.advance(1000)
    expect(errors.map(({ code }) => code)).toEqual(['QPS_TLS_CERTIFICATE'])
    expect((await shake(first.port, client)).serial).toBe(before.serial)

    authority.issueFiles('server', { hosts: ['localhost', '127.0.0.1'] })
    clock.advance(1000)
    const after = await shake(first.port, client)
    expect(after.serial).not.toBe(before.serial)
    expect(after.alpn).toBe('http/1.1')
    expect((await shake(second.port, client)).serial).toBe(after.serial)
    // Tickets outlive the certificate.
    expect((await shake(first.port, { ...client, session: before.session! })).resumed).toBe(true)
    second[Symbol.dispose]()
    authority.issueFiles('server', { hosts: ['localhost', '127.0.0.1'] })
    clock.advance(1000)
    expect((await shake(first.port, client)).serial).not.toBe(after.serial)
    expect(errors).toHaveLength(1)
  })

  test('of its own is trusted by who has its authority, for the names that it was made for', async () => {
    using identity = openIdentity({ hosts: ['here.test'], onError: nothing })
    using listener = await listen({ identity })
    const client = { ca: identity.authority! }
    expect((await shake(listener.port, { ...client, servername: 'here.test' })).resumed).toBe(false)
    const elsewhere = shake(listener.port, { ...client, servername: 'there.test' })
    await expect(elsewhere).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  test.each([
    [{ certFile: 'a.pem' }, 'a certificate was given without its key'],
    [{ keyFile: 'a.key' }, 'a key was given without its certificate'],
  ])('%j alone is refused', (files, message) => {
    expect(() => openIdentity({ ...files, onError: nothing })).toThrow(
      expect.objectContaining({ code: 'QPS_OPTION', message }),
    )
  })
})

describe('a secret of tickets', () => {
  test('is the bytes of its file', () => {
    const secret = randomBytes(32)
    writeFileSync(join(folder, 'secret'), secret)
    expect(readTicketSecret(join(folder, 'secret'))).toEqual(secret)
  })

  test('of a file that is missing, or far too large, is refused', () => {
    const large = join(folder, 'large')
    writeFileSync(large, Buffer.alloc(4097))
    for (const [file, why] of [
      [large, 'has more than 4096 bytes'],
      [join(folder, 'none'), 'cannot be read'],
      [folder, 'cannot be read'],
    ] as const) {
      expect(() => readTicketSecret(file)).toThrow(
        expect.objectContaining({ code: 'QPS_TLS_FILE', message: expect.stringContaining(why) }),
      )
    }
  })
})
