import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type LoadOptions, runLoad } from '@qps/loadgen'
import { createAuthority } from '@qps/tls'
import { expect, test } from 'vitest'
import { planLoad } from '../src/options.ts'
import { helloHttp2 } from './http2-servers.ts'
import { hello } from './servers.ts'

const authority = createAuthority()
const pair = authority.issue({ hosts: ['127.0.0.1', 'localhost'] })
const short = { durationS: 0.4, connections: 4, ca: authority.cert }

async function listen<Of extends Server | Http2SecureServer>(
  server: Of,
): Promise<AsyncDisposable & { server: Of; url: string; sockets: () => number }> {
  let sockets = 0
  const closing = new Set<() => void>()
  server.on('secureConnection', (socket) => {
    sockets++
    closing.add(() => socket.destroy())
    socket.on('error', () => {})
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  return {
    server,
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sockets: () => sockets,
    async [Symbol.asyncDispose]() {
      for (const close of closing) close()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const serveHttp1 = () => listen(createServer(pair, hello))
const serveHttp2 = () => {
  const server = createSecureServer(pair)
  server.on('stream', helloHttp2)
  server.on('sessionError', () => {})
  return listen(server)
}

test('HTTP/1.1 over TLS: one handshake for each connection', async () => {
  await using server = await serveHttp1()
  const result = await runLoad({ url: server.url, ...short, pipeline: 2 })
  expect(result).toMatchObject({ errors: 0, transport: 'node:tls', protocol: 'h1', status: { 200: result.requests } })
  expect(result.requests).toBeGreaterThan(8)
  // The look before may be over before the server knows of it.
  expect([4, 5]).toContain(server.sockets())
})

test.each<[string, Partial<LoadOptions>]>([
  ['a closed loop of ten streams', { pipeline: 10 }],
  ['an open loop', { rateQps: 200 }],
])('HTTP/2 over TLS, by ALPN: %s', async (_name, options) => {
  await using server = await serveHttp2()
  const result = await runLoad({ url: server.url, ...short, protocol: 'h2', ...options })
  expect(Object.entries(result.errorsByKind).filter(([, count]) => count > 0)).toEqual([])
  expect(result).toMatchObject({ errors: 0, transport: 'node:tls', protocol: 'h2', status: { 200: result.requests } })
  expect(result.requests).toBeGreaterThan(8)
})

test('the scheme of a request is that of its URL', async () => {
  const seen = new Set<unknown>()
  await using server = await serveHttp2()
  server.server.on('stream', (_stream, headers) => seen.add(headers[':scheme']))
  await runLoad({ url: server.url, ...short, protocol: 'h2' })
  expect([...seen]).toEqual(['https'])
})

test('a certificate of an authority that nobody named is refused before anything is sent, and taken where any is', async () => {
  await using server = await serveHttp1()
  const { ca: _, ...untrusting } = short
  await expect(runLoad({ url: server.url, ...untrusting })).rejects.toMatchObject({
    code: 'QPS_UNREACHABLE',
    message: expect.stringContaining('its certificate is not trusted') as string,
    hint: expect.stringContaining('--cacert') as string,
  })
  expect((await runLoad({ url: server.url, ...untrusting, insecure: true })).errors).toBe(0)
})

test('a certificate for another name is refused', async () => {
  const other = authority.issue({ hosts: ['other.test'] })
  await using server = await listen(createServer(other, hello))
  await expect(runLoad({ url: server.url, ...short })).rejects.toMatchObject({
    code: 'QPS_UNREACHABLE',
    message: expect.stringContaining('not trusted') as string,
  })
})

test('a server that does not take h2 is found out before the load', async () => {
  await using server = await listen(createServer({ ...pair, ALPNProtocols: undefined as never }, hello))
  const asked = runLoad({ url: server.url, ...short, protocol: 'h2' })
  await expect(asked).rejects.toMatchObject({ code: expect.stringMatching(/^QPS_(PROTOCOL|UNREACHABLE)$/) as string })
})

test('a target of TLS has the port 443, the name of the URL where it is none of an address, and its protocol', () => {
  expect(planLoad({ url: 'https://[::1]/' })).toMatchObject({
    port: 443,
    transport: 'tls',
    tls: { alpn: 'http/1.1', servername: undefined, insecure: false },
  })
  expect(planLoad({ url: 'https://name.test:8443/', protocol: 'h2' })).toMatchObject({
    port: 8443,
    tls: { alpn: 'h2', servername: 'name.test' },
  })
  expect(planLoad({ url: 'http://name.test/' }).tls).toBeUndefined()
})
