import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connectHttp3, type Http3Client, quicAvailability } from '@qps/quic'
import { httpSurfaceConformance, type StageProcess, startStage } from '@qps/testkit'
import { describe, expect, test } from 'vitest'

const quic = quicAvailability()
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const start = (): Promise<StageProcess> => startStage('03-http2-grpc', ['--variant', 'quic'])

const portOf = (stage: StageProcess, name: string): number =>
  Number(new URL(`https://${(stage.events[0]!['endpoints'] as Record<string, string>)[name]}`).port)
const authorityOf = async (stage: StageProcess): Promise<string> => (await fetch(`${stage.admin}/authority.pem`)).text()
const connect = async (stage: StageProcess): Promise<Http3Client> =>
  connectHttp3({ host: 'localhost', port: portOf(stage, 'quic'), ca: await authorityOf(stage) })
const ask = async (client: Http3Client, path: string, body?: Buffer): Promise<string> => {
  const response = await client.request(body === undefined ? { path } : { path, body })
  return `${response.status} ${(await response.body.collect()).toString('latin1')}`
}

describe.skipIf(!quic.available)(`the variant quic ${quic.reason}`, () => {
  httpSurfaceConformance('quic', start)

  test('says what else it serves, and drains at SIGTERM with exit code 0', async () => {
    await using stage = await start()
    expect(stage.events[0]).toMatchObject({ event: 'listening', stage: 3, variant: 'quic', workers: 1 })
    expect(Object.keys(stage.events[0]!['endpoints'] as object)).toEqual(['http', 'quic', 'tls'])
    const { code, events } = await stage.stop()
    expect([code, events.at(-1)]).toMatchObject([0, { event: 'drained', completed: 0, dropped: 0 }])
    expect(events.at(-1)!['ms']).toBeLessThan(2500)
  })

  test('answers what HTTP/1.1 answers, and counts it', async () => {
    await using stage = await start()
    const client = await connect(stage)
    expect(await ask(client, '/')).toMatch(/^200 \{"status":"ok","ts":\d{13}\}$/)
    expect(await ask(client, '/plaintext')).toBe('200 Hello, World!')
    expect(await ask(client, '/echo', Buffer.from('hello'))).toBe('200 hello')
    expect(await ask(client, '/nowhere')).toMatch(/^404 /)
    await client.close()
    const metrics = await (await fetch(`${stage.admin}/metrics`)).text()
    expect(metrics).toContain('http_server_requests_total{method="GET",route="/plaintext",status="200"} 1')
  })

  test('clients that come over TCP are told where HTTP/3 is', async () => {
    await using stage = await start()
    const session = connectHttp2(`https://localhost:${portOf(stage, 'tls')}`, { ca: await authorityOf(stage) })
    const stream = session.request({ ':path': '/plaintext' })
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    expect(headers['alt-svc']).toBe(`h3=":${portOf(stage, 'quic')}"; ma=3600`)
    session.destroy()
  })

  test('a client moves in the middle of an answer, and the admin port shows the steps', async () => {
    await using stage = await start()
    const client = await connect(stage)
    const body = Buffer.alloc(700_000, 'abcdefghijk')
    const response = await client.request({ path: '/echo', body })
    const { before, after } = await client.migrate()
    expect((await response.body.collect()).equals(body)).toBe(true)
    expect(await ask(client, '/plaintext')).toBe('200 Hello, World!')
    const lines = (await (await fetch(`${stage.admin}/moves`)).text()).trim().split('\n')
    const steps = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(steps.map(({ kind }) => kind)).toEqual(['probed', 'validated', 'migrated'])
    expect(steps[2]).toMatchObject({ peer: { port: after.port }, before: { peer: { port: before.port } } })
    await client.close()
  })

  test('S22, S23: it stays up under garbage, and SIGTERM under load loses no request', async () => {
    await using stage = await start()
    const client = await connect(stage)
    const socket = createSocket('udp4')
    const garbage = Array.from({ length: 200 }, (_, index) => Buffer.alloc(index * 7, index))
    for (const datagram of garbage) socket.send(datagram, portOf(stage, 'quic'), '127.0.0.1')
    const outcomes = { answered: 0, lost: 0 }
    const loads = Array.from({ length: 10 }, async () => {
      while (client.isUsable) {
        const answer = await ask(client, '/plaintext').catch((error: { code: string; retryable: boolean }) => error)
        if (answer === '200 Hello, World!') outcomes.answered++
        // Told that it was not begun, and may be asked again elsewhere: not lost.
        else if (typeof answer === 'string' || !answer.retryable) outcomes.lost++
      }
    })
    await sleep(200)
    const stopped = stage.stop()
    await Promise.all(loads)
    await client.close()
    const { code, events } = await stopped
    expect([code, events.at(-1)]).toMatchObject([0, { event: 'drained', dropped: 0 }])
    expect(outcomes.answered).toBeGreaterThan(10)
    expect(outcomes.lost).toBe(0)
    socket.close()
  })
})

test('where quiche is not installed the variant says so, with the line that installs it, and ends with exit code 3', () => {
  const hide = `import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) {
      if (name.startsWith('@matrixai/')) throw new Error('Cannot find module ' + name)
      return next(name, context)
    } })`
  const without = ['--import', `data:text/javascript,${encodeURIComponent(hide)}`]
  const options = ['--variant', 'quic', '--json', '--port', '0', '--admin-port', '0']
  const { status, stdout } = spawnSync(process.execPath, [...without, '--conditions=@qps/source', main, ...options], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  expect(status).toBe(3)
  expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({
    event: 'error',
    code: 'QPS_PART_MISSING',
    hint: expect.stringContaining('npm install --no-save @matrixai/quic-'),
  })
})
