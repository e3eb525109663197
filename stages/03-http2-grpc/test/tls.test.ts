import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { create, createGrpcClient, EchoRequestSchema, workloadDefinition } from '@qps/grpc'
import { createAuthority } from '@qps/tls'
import { type StageProcess, startStage } from '@qps/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

interface SecureStage extends StageProcess {
  secure: { host: string; port: number; ca: string }
  grpc: string
}

/** @param ca of the files that it is given; without, that of the authority which it makes. */
async function startSecure(options: readonly string[] = [], ca?: string): Promise<SecureStage> {
  const stage = await startStage('03-http2-grpc', ['--variant', 'tls', ...options])
  const endpoints = stage.events[0]!['endpoints'] as { tls: string; grpc: string }
  const made = ca ?? (await (await fetch(`${stage.admin}/authority.pem`)).text())
  const port = Number(new URL(`https://${endpoints.tls}`).port)
  return Object.assign(stage, { secure: { host: 'localhost', port, ca: made }, grpc: `https://${endpoints.grpc}` })
}

interface Shaken {
  alpn: string | false | null
  serial: string
  resumed: boolean
  session: Buffer | undefined
}

/** One connection, asked once over HTTP/1.1 where that was chosen: behind the answer, a client of TLS 1.3 has its tickets. */
async function shake({ secure }: SecureStage, options: ConnectionOptions = {}): Promise<Shaken> {
  const socket = connect({ ...secure, ALPNProtocols: ['http/1.1'], ...options })
  let session: Buffer | undefined
  socket.on('session', (bytes) => (session = bytes))
  await once(socket, 'secureConnect')
  const alpn = socket.alpnProtocol
  const serial = socket.getPeerX509Certificate()?.serialNumber ?? ''
  const resumed = socket.isSessionReused()
  if (alpn !== 'h2') {
    socket.write('GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await socket.resume().toArray()
  }
  socket.destroy()
  return { alpn, serial, resumed, session }
}

async function askHttp2(session: ClientHttp2Session, path: string, body?: string): Promise<string> {
  const stream = session.request({ ':path': path, ':method': body === undefined ? 'GET' : 'POST' })
  stream.setEncoding('utf8').end(body)
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  return `${String(headers[':status'])} ${await stream.reduce((text: string, piece: string) => text + piece, '')}`
}

async function askHttp1({ secure }: SecureStage, agent: Agent, path: string, body?: string): Promise<string> {
  const asking = request({ ...secure, path, agent, method: body === undefined ? 'GET' : 'POST' })
  asking.end(body)
  const [response] = (await once(asking, 'response')) as [import('node:http').IncomingMessage]
  response.setEncoding('utf8')
  return `${response.statusCode} ${await response.reduce((text: string, piece: string) => text + piece, '')}`
}

const openHttp2 = ({ secure }: SecureStage): ClientHttp2Session =>
  connectHttp2(`https://localhost:${secure.port}`, { ca: secure.ca }).on('error', () => {})
const valueOf = (metrics: string, series: string): number =>
  Number(
    metrics
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length),
  )
const handshakes = async ({ admin }: SecureStage): Promise<number[]> => {
  const metrics = await (await fetch(`${admin}/metrics`)).text()
  return ['full', 'resumed', 'failed'].map((result) =>
    valueOf(metrics, `tls_server_handshakes_total{result="${result}"}`),
  )
}

describe('the secure port', () => {
  let stage: SecureStage
  beforeAll(async () => void (stage = await startSecure()))
  afterAll(() => stage[Symbol.asyncDispose]())

  test('chooses h2 where the client has it, whatever the client’s order', async () => {
    expect((await shake(stage, { ALPNProtocols: ['http/1.1', 'h2'] })).alpn).toBe('h2')
  })

  test('serves http/1.1 to a client that has only that, and to one that does not know ALPN', async () => {
    expect((await shake(stage)).alpn).toBe('http/1.1')
    const socket = connect(stage.secure)
    socket.write('GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(String(Buffer.concat(await socket.toArray()))).toContain('Hello, World!')
    expect(socket.alpnProtocol).toBe(false)
  })

  test('refuses a client that has neither with no_application_protocol', async () => {
    const refused = shake(stage, { ALPNProtocols: ['spdy/3'] })
    await expect(refused).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' })
  })

  test('answers the same over both, and counts it', async () => {
    const session = openHttp2(stage)
    const agent = new Agent({ keepAlive: true })
    const over = [
      (path: string, body?: string) => askHttp2(session, path, body),
      (path: string, body?: string) => askHttp1(stage, agent, path, body),
    ]
    for (const ask of over) {
      expect(await ask('/')).toMatch(/^200 \{"status":"ok","ts":\d{13}\}$/)
      expect(await ask('/echo', 'hello')).toBe('200 hello')
      expect(await ask('/nowhere')).toMatch(/^404 .*not_found/)
    }
    session.close()
    agent.destroy()
    const counted = async (): Promise<number> =>
      valueOf(
        await (await fetch(`${stage.admin}/metrics`)).text(),
        'http_server_requests_total{method="POST",route="/echo",status="200"}',
      )
    await expect.poll(counted).toBe(2)
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: a session is taken up again, and counted', async (version) => {
    const only = { minVersion: version, maxVersion: version }
    const [full, resumed] = await handshakes(stage)
    const { session } = await shake(stage, only)
    expect((await shake(stage, { ...only, session: session! })).resumed).toBe(true)
    expect((await handshakes(stage)).slice(0, 2)).toEqual([full! + 1, resumed! + 1])
  })

  test('whoever does not know the authority refuses, and is counted as failed', async () => {
    const [, , failed] = await handshakes(stage)
    const { ca } = { ca: createAuthority().cert }
    await expect(shake(stage, { ca })).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
    const other = createGrpcClient({ origin: stage.grpc, tls: { ca } })
    const asked = other.unary(workloadDefinition.echo, create(EchoRequestSchema))
    await expect(asked).rejects.toThrow(/cannot be reached: .*(certificate|signature)/)
    await expect.poll(async () => (await handshakes(stage))[2]).toBeGreaterThan(failed!)
  })

  test('gRPC is served on the port above', async () => {
    await using client = createGrpcClient({ origin: stage.grpc, tls: { ca: stage.secure.ca } })
    const request = create(EchoRequestSchema, { payload: Buffer.from('hello') })
    const { payload } = await client.unary(workloadDefinition.echo, request)
    expect(Buffer.from(payload).toString()).toBe('hello')
  })
})

// That processes which share a secret resume each other’s sessions is row S15 of the security tests.
describe('files', () => {
  let folder: string
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'qps-tls-'))))
  afterAll(() => rmSync(folder, { recursive: true }))

  test('a certificate is changed without a restart; one that is broken is told of, and the old one stays', async () => {
    const authority = createAuthority({ directory: folder })
    const hosts = ['localhost']
    const { keyFile, certFile } = authority.issueFiles('reloaded', { hosts })
    await using stage = await startSecure(['--cert', certFile, '--key', keyFile], authority.cert)
    const { serial } = await shake(stage)
    const open = openHttp2(stage)
    await once(open, 'connect')

    writeFileSync(certFile, 'no certificate')
    await expect.poll(() => stage.stderr(), { timeout: 5_000 }).toContain('QPS_TLS_CERTIFICATE')
    expect(stage.stderr()).toContain(`${certFile} and ${keyFile} are not taken, the certificate before stays in use`)
    expect((await shake(stage)).serial).toBe(serial)
    writeFileSync(keyFile, 'no key')
    await expect.poll(() => stage.stderr().split('\n').length, { timeout: 5_000 }).toBeGreaterThan(2)
    expect((await shake(stage)).serial).toBe(serial)

    authority.issueFiles('reloaded', { hosts })
    await expect.poll(async () => (await shake(stage)).serial, { timeout: 5_000 }).not.toBe(serial)
    expect((await shake(stage, { ALPNProtocols: ['h2', 'http/1.1'] })).alpn).toBe('h2')
    expect(await askHttp2(open, '/plaintext')).toBe('200 Hello, World!')
    open.destroy()
  })

  test.each([
    [['--cert', 'nowhere.pem', '--key', 'nowhere.key'], 'QPS_TLS_FILE'],
    [['--cert', 'nowhere.pem'], 'QPS_OPTION'],
    [['--ticket-secret', '/dev/null'], 'QPS_OPTION'],
    [['--ticket-secret', 'nowhere'], 'QPS_TLS_FILE'],
    [['--variant', 'http2', '--cert', 'any.pem'], 'QPS_USAGE'],
  ])('%j at the start is an error that says what and why', async (options, code) => {
    await expect(startSecure(options)).rejects.toThrow(code)
  })
})

test('SIGTERM loses no request of either protocol', async () => {
  await using stage = await startSecure()
  let [answered, lost] = [0, 0]
  const load = { isOver: false }
  const count = async (ask: () => Promise<string>): Promise<void> => {
    try {
      if ((await ask()).startsWith('200')) answered++
      else lost++
    } catch (error) {
      // Nobody listens any more, or the farewell crossed the request: not begun, and whoever asked knows that.
      const { code, message } = error as { code?: string; message: string }
      if (code !== 'ECONNREFUSED' && !message.includes('NGHTTP2_REFUSED_STREAM')) lost++
      load.isOver ||= code === 'ECONNREFUSED'
    }
  }
  const clients = Array.from({ length: 8 }, async (_, index) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (!load.isOver) await count(() => askHttp1(stage, agent, '/echo', `${index}`))
    agent.destroy()
  })
  const session = openHttp2(stage)
  const streams = Array.from({ length: 8 }, async () => {
    // Told to leave, this client begins nothing more.
    while (!session.closed && !session.destroyed) await count(() => askHttp2(session, '/plaintext'))
  })
  await sleep(500)
  const { code, events } = await stage.stop()
  await Promise.all([...clients, ...streams])
  expect(code).toBe(0)
  expect(events.at(-1)).toMatchObject({ event: 'drained', dropped: 0 })
  expect(lost).toBe(0)
  expect(answered).toBeGreaterThan(100)
})
