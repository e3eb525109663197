import { once } from 'node:events'
import { connect } from 'node:tls'
import { secureContextOptions, suites } from '@qps/tls'
import { expect, test } from 'vitest'
import { authority, listen, localhost, only, shake } from './handshakes.ts'

test('every suite is authenticated encryption with keys by ECDHE', () => {
  for (const suite of suites)
    expect(suite).toMatch(/^(TLS|ECDHE-(ECDSA|RSA))[_-](AES(_|)\d+|AES\d+|CHACHA20)[_-](GCM|POLY1305)/)
})

test.each(suites.filter((suite) => suite.includes('ECDSA')))('%s is served', async (ciphers) => {
  await using listening = await listen(secureContextOptions(localhost))
  await expect(shake(listening.port, { ...only('TLSv1.2'), ciphers })).resolves.toMatchObject({ resumed: false })
})

test.each([
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-ECDSA-AES128-CCM',
  'DHE-RSA-AES128-GCM-SHA256',
])('%s is refused', async (ciphers) => {
  await using listening = await listen(secureContextOptions(localhost))
  await expect(shake(listening.port, { ...only('TLSv1.2'), ciphers })).rejects.toThrow('handshake failure')
})

test('TLS 1.1 is refused', async () => {
  await using listening = await listen(secureContextOptions(localhost))
  const old = shake(listening.port, { ...only('TLSv1.1'), ciphers: 'DEFAULT:@SECLEVEL=0' })
  await expect(old).rejects.toThrow('protocol version')
})

test('of what both have, the order of the server counts', async () => {
  await using listening = await listen(secureContextOptions(localhost))
  const reversed = [...suites].toReversed().join(':')
  expect((await shake(listening.port, { ...only('TLSv1.3'), ciphers: reversed })).suite).toBe('TLS_AES_128_GCM_SHA256')
  const older = await shake(listening.port, { ...only('TLSv1.2'), ciphers: reversed })
  expect(older.suite).toBe('TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256')
})

test('a client cannot renegotiate', async () => {
  await using listening = await listen(secureContextOptions(localhost), (server) => {
    server.removeAllListeners('secureConnection')
    server.on('secureConnection', (socket) => socket.on('error', () => {}).resume())
  })
  const socket = connect({ port: listening.port, ca: authority.cert, host: '127.0.0.1', ...only('TLSv1.2') })
  await once(socket, 'secureConnect')
  const failed = once(socket, 'error')
  socket.renegotiate({}, () => {})
  const [error] = (await failed) as [Error]
  expect(error.message).toContain('no renegotiation')
  socket.destroy()
})

test.each([
  [{ alpn: [''] }, 'alpn'],
  [{ alpn: ['x'.repeat(256)] }, 'alpn'],
  [{ groups: ['P-257'] }, 'groups'],
  [{ sessionContext: 'x'.repeat(33) }, 'sessionContext'],
  [{ handshakeTimeoutMs: 0 }, 'handshakeTimeoutMs'],
])('%j is refused by name', (options, name) => {
  expect(() => secureContextOptions({ ...localhost, ...options })).toThrow(
    expect.objectContaining({ code: 'QPS_OPTION', message: expect.stringContaining(name) }),
  )
})
