import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js'
import { once } from 'node:events'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import {
  create,
  createGrpcClient,
  createGrpcServer,
  type EchoReply,
  EchoRequestSchema,
  type GrpcError,
  GrpcStatus,
  http2ServerOptions,
  workload,
  workloadDefinition,
} from '@qps/grpc'
import { createAuthority, type KeyAndCertificate, secureContextOptions } from '@qps/tls'
import { describe, expect, test } from 'vitest'

const authority = createAuthority()
const localhost = authority.issue({ hosts: ['localhost'] })
const service = workload({ status: () => Buffer.from('ok') })
const request = create(EchoRequestSchema, { payload: Buffer.from('hello') })

interface Running extends AsyncDisposable {
  port: number
}

const servers: Record<string, (pair?: KeyAndCertificate) => Promise<Running>> = {
  async ours(pair = localhost) {
    const server = createGrpcServer()
    server.addService(workloadDefinition, service)
    const listener = secureServer(pair)
    server.attach(listener)
    const port = await portOf(listener)
    return { port, [Symbol.asyncDispose]: async () => void (await server.close(100)) }
  },
  async 'grpc-js'(pair = localhost) {
    const server = new Server()
    server.addService(workloadDefinition as never, service as never)
    const { key, cert } = pair
    const secure = ServerCredentials.createSsl(null, [{ private_key: Buffer.from(key), cert_chain: Buffer.from(cert) }])
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', secure, (error, bound) => (error ? reject(error) : resolve(bound)))
    })
    return { port, [Symbol.asyncDispose]: async () => server.forceShutdown() }
  },
}

/** Asks for an echo, trusting one authority. */
const clients: Record<string, (port: number, ca?: string) => Promise<string>> = {
  async ours(port, ca = authority.cert) {
    await using client = createGrpcClient({ origin: `https://localhost:${port}`, tls: { ca } })
    return textOf(await client.unary(workloadDefinition.echo, request, { timeoutMs: 5_000 }))
  },
  async 'grpc-js'(port, ca = authority.cert) {
    const client = new Client(`localhost:${port}`, credentials.createSsl(Buffer.from(ca)))
    const { path, requestSerialize, responseDeserialize } = workloadDefinition.echo
    const { promise, resolve, reject } = Promise.withResolvers<EchoReply>()
    const deadline = Date.now() + 5_000
    client.makeUnaryRequest(path, requestSerialize as never, responseDeserialize as never, request, { deadline }, ((
      error: Error | null,
      reply: EchoReply,
    ) => (error ? reject(error) : resolve(reply))) as never)
    return promise.then(textOf).finally(() => client.close())
  },
}

describe.each([
  ['ours', 'ours'],
  ['ours', 'grpc-js'],
  ['grpc-js', 'ours'],
])('client %s to server %s', (clientName, serverName) => {
  const ask = clients[clientName]!

  test('a call is answered', async () => {
    await using server = await servers[serverName]!()
    expect(await ask(server.port)).toBe('hello')
  })

  test('the authority must be the right one, and the name one of the certificate’s', async () => {
    await using server = await servers[serverName]!()
    const stranger = createAuthority().cert
    const unavailable = { code: GrpcStatus.UNAVAILABLE }
    await expect(ask(server.port, stranger)).rejects.toMatchObject({
      ...unavailable,
      details: expect.stringMatching(/unable to verify|certificate signature failure|self-signed/),
    })
    await using other = await servers[serverName]!(authority.issue({ hosts: ['elsewhere.test'] }))
    await expect(ask(other.port)).rejects.toMatchObject({
      ...unavailable,
      details: expect.stringContaining("Hostname/IP does not match certificate's altnames"),
    })
  })
})

describe('ALPN', () => {
  test('our server speaks with nobody who did not choose h2', async () => {
    await using server = await servers['ours']!()
    const at = { port: server.port, host: '127.0.0.1', servername: 'localhost', ca: authority.cert }
    const refused = once(connect({ ...at, ALPNProtocols: ['http/1.1'] }), 'secureConnect')
    await expect(refused).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' })
    const silent = connect(at)
    await once(silent, 'secureConnect')
    silent.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    expect(String((await once(silent, 'data'))[0])).toMatch(/^HTTP\/1\.0 403 Forbidden/)
    silent.destroy()
  })

  test.each([
    ['another protocol', ['http/1.1']],
    ['none', []],
  ])('our client says so where the server speaks %s', async (_what, alpn) => {
    const server = createServer(secureContextOptions({ ...localhost, alpn }), (socket) => socket.on('error', () => {}))
    const port = await portOf(server)
    const asked = clients['ours']!(port)
    await expect(asked).rejects.toMatchObject({ code: GrpcStatus.UNAVAILABLE })
    await expect(asked).rejects.toThrow(/cannot be reached: .*(did not choose h2|no application protocol)/)
    server.close()
  })
})

test('a server that leaves loses no call over TLS either', async () => {
  const server = createGrpcServer()
  server.addService(workloadDefinition, service)
  const listener = secureServer(localhost)
  server.attach(listener)
  const origin = `https://localhost:${await portOf(listener)}`
  await using client = createGrpcClient({ origin, tls: { ca: authority.cert } })
  const outcomes: boolean[] = []
  const work = async (): Promise<void> => {
    while (true) {
      const error = await client.unary(workloadDefinition.echo, request).then(
        () => undefined,
        (thrown: GrpcError) => thrown,
      )
      // Nobody listens any more, and the call was surely not begun.
      if (error?.retryable === true) return
      outcomes.push(error === undefined)
    }
  }
  const workers = Array.from({ length: 16 }, work)
  await expect.poll(() => outcomes.length).toBeGreaterThan(100)
  expect(await server.close(2_000)).toMatchObject({ dropped: 0 })
  await Promise.all(workers)
  expect(outcomes.every(Boolean)).toBe(true)
})

function secureServer(pair: KeyAndCertificate): Http2SecureServer {
  return createSecureServer({ ...http2ServerOptions(), ...secureContextOptions({ ...pair, alpn: ['h2'] }) })
}

async function portOf(server: import('node:net').Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function textOf({ payload }: EchoReply): string {
  return Buffer.from(payload).toString()
}
