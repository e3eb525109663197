import { once } from 'node:events'
import { connect } from 'node:net'
import { secureContextOptions } from '@qps/tls'
import { expect, test } from 'vitest'
import { helloOf, listen, localhost, only, shake, versions } from './handshakes.ts'

const options = secureContextOptions({ ...localhost, alpn: ['h2', 'http/1.1'] })

test.each(versions)('%s: the first of the server that the client has', async (version) => {
  await using listening = await listen(options)
  const both = await shake(listening.port, { ...only(version), ALPNProtocols: ['http/1.1', 'h2'] })
  const older = await shake(listening.port, { ...only(version), ALPNProtocols: ['spdy/3', 'http/1.1'] })
  expect([both.alpn, older.alpn]).toEqual(['h2', 'http/1.1'])
})

test('a client that does not speak ALPN is served', async () => {
  await using listening = await listen(options)
  expect((await shake(listening.port)).alpn).toBe(false)
})

test('no overlap ends the connection with the alert no_application_protocol, byte for byte', async () => {
  await using listening = await listen(options)
  for (const version of versions) {
    const failed = shake(listening.port, { ...only(version), ALPNProtocols: ['spdy/3'] })
    await expect(failed, version).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' })
  }
  const socket = connect(listening.port, '127.0.0.1')
  socket.write(await helloOf({ ALPNProtocols: ['spdy/3'] }))
  const answer: Buffer[] = []
  socket.on('data', (bytes: Buffer) => answer.push(bytes)).on('error', () => {})
  await once(socket, 'close')
  // Alert record, TLS 1.2, two bytes: fatal, no_application_protocol (RFC 8446, 6; RFC 7301, 3.2).
  expect(Buffer.concat(answer).toString('hex')).toBe('15030300020278')
})
