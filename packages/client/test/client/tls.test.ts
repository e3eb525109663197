import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { createClient } from '@qps/client'
import { requireProgram } from '@qps/testkit'
import { describe, expect, test } from 'vitest'

const openssl = requireProgram('openssl', 'apt-get install openssl')

/** A certificate for service.test that signs itself. */
function selfSigned(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'qps-client-'))
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=service.test', '-addext', 'subjectAltName=DNS:service.test']
    const form = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    execFileSync('openssl', ['req', '-x509', ...form, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe.skipIf(!openssl.available)('over TLS', () => {
  test('the name of the origin is checked, HTTP/1.1 is agreed on, and the next connection resumes the session', async () => {
    const pem = selfSigned()
    const seen: { resumed: boolean; servername: unknown; protocol: unknown }[] = []
    const server = createServer(pem, (_, response) => response.end('ok'))
    server.on('secureConnection', (socket: TLSSocket & { servername?: unknown }) => {
      seen.push({ resumed: socket.isSessionReused(), servername: socket.servername, protocol: socket.alpnProtocol })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const options = { origin: 'https://service.test', resolve: () => ({ host: '127.0.0.1', port }), connectionsMax: 1 }
    try {
      await using client = createClient({ ...options, tls: { ca: pem.cert }, lifetimeMs: 30, lifetimeJitterRatio: 0 })
      for (let sent = 0; sent < 2; sent++) {
        const { body } = await client.request({ path: '/' })
        expect(await body.text()).toBe('ok')
        await new Promise((resolve) => setTimeout(resolve, 60))
      }
      expect(seen).toEqual([
        { resumed: false, servername: 'service.test', protocol: 'http/1.1' },
        { resumed: true, servername: 'service.test', protocol: 'http/1.1' },
      ])

      await using stranger = createClient(options)
      await expect(stranger.request({ path: '/' })).rejects.toMatchObject({
        code: 'QPS_CLIENT_CONNECT',
        message: expect.stringContaining('self-signed certificate'),
      })
      await using misled = createClient({ ...options, origin: 'https://other.test', tls: { ca: pem.cert } })
      await expect(misled.request({ path: '/' })).rejects.toMatchObject({
        code: 'QPS_CLIENT_CONNECT',
        message: expect.stringContaining('other.test'),
      })
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })
})
