import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2'
import { callOf, frame, rawHttp2, requireProgram, reset, settings, type StageProcess, startStage } from '@qps/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const service = 'qps.v1.Workload'
/** An EchoRequest of five bytes, behind its prefix. */
const hello = Buffer.from([0, 0, 0, 0, 7, 0x0a, 5, ...Buffer.from('hello')])
const soon = { timeout: 10_000 }
const promtool = requireProgram('promtool', 'apt-get install prometheus')

describe.each(['grpc', 'grpc-raw', 'grpc-netpoll', 'tls'])('/metrics of %s', (variant) => {
  let stage: StageProcess
  let session: ClientHttp2Session
  /** Where calls are taken. */
  let grpc: string

  // One server for all of them: no test counts what another one has counted.
  beforeAll(async () => {
    stage = await startStage('03-http2-grpc', ['--variant', variant])
    ;({ grpc } = stage.events[0]!['endpoints'] as { grpc: string })
    if (variant === 'tls') {
      const ca = await (await fetch(`${stage.admin}/authority.pem`)).text()
      session = connect(`https://localhost:${new URL(`https://${grpc}`).port}`, { ca })
    } else session = connect(`http://${grpc}`)
    session.on('error', () => undefined)
    await once(session, 'remoteSettings')
  })
  afterAll(async () => {
    session?.destroy()
    await stage?.[Symbol.asyncDispose]()
  })

  const page = async (): Promise<string> => (await fetch(`${stage.admin}/metrics`)).text()

  /** The value of a series of a method; 0 where there is none. */
  async function valueOf(name: string, type: string, method: string, more = ''): Promise<number> {
    const owner = method === 'unknown' ? 'unknown' : service
    const series = `${name}{grpc_type="${type}",grpc_service="${owner}",grpc_method="${method}"${more}} `
    const line = (await page()).split('\n').find((candidate) => candidate.startsWith(series))
    return line === undefined ? 0 : Number(line.slice(series.length))
  }

  function call(path: string, more: OutgoingHttpHeaders = {}) {
    const fields = { ':method': 'POST', ':path': path, te: 'trailers', 'content-type': 'application/grpc', ...more }
    const stream = session.request(fields, { endStream: false })
    stream.on('error', () => undefined)
    return stream
  }

  /** A call from its message to its end. */
  async function answered(path: string): Promise<void> {
    const stream = call(path).end(hello).resume()
    await once(stream, 'close')
  }

  test('calls, messages and durations are counted by method and status', async () => {
    for (let calls = 0; calls < 3; calls++) await answered(`/${service}/Echo`)
    const handled = (): Promise<number> => valueOf('grpc_server_handled_total', 'unary', 'Echo', ',grpc_code="OK"')
    await expect.poll(handled, soon).toBe(3)
    for (const name of ['started_total', 'msg_received_total', 'msg_sent_total', 'handling_seconds_count']) {
      expect([name, await valueOf(`grpc_server_${name}`, 'unary', 'Echo')]).toEqual([name, 3])
    }
    expect(await valueOf('grpc_server_handling_seconds_sum', 'unary', 'Echo')).toBeGreaterThan(0)
    expect(await valueOf('grpc_server_calls_in_flight', 'unary', 'Echo')).toBe(0)
  })

  test('a call is in flight until it ends, by the client, by its deadline or by a status', async () => {
    const inFlight = (): Promise<number> => valueOf('grpc_server_calls_in_flight', 'bidi_stream', 'Chat')
    const handled = (code: string): Promise<number> =>
      valueOf('grpc_server_handled_total', 'bidi_stream', 'Chat', `,grpc_code="${code}"`)
    const socket = await rawHttp2(Number(new URL(`http://${grpc}`).port), variant === 'tls')
    socket.write(Buffer.concat([settings(), callOf(`/${service}/Chat`)(1), frame(0, 0, 1, hello)]))
    await expect.poll(() => valueOf('grpc_server_msg_sent_total', 'bidi_stream', 'Chat'), soon).toBe(1)
    expect(await inFlight()).toBe(1)
    socket.write(reset(1))
    await expect.poll(() => handled('Canceled'), soon).toBe(1)
    socket.destroy()
    const late = call(`/${service}/Chat`, { 'grpc-timeout': '50m' })
    late.write(hello)
    await once(late.resume(), 'end')
    late.close(constants.NGHTTP2_CANCEL)
    await expect.poll(() => handled('DeadlineExceeded'), soon).toBe(1)
    await answered(`/${service}/Chat`)
    await expect.poll(() => handled('OK'), soon).toBe(1)
    expect(await inFlight()).toBe(0)
  })

  test('methods that clients make up are one series, and no metric has more than 200', async () => {
    const calls = 1_000
    const random = (): string => Math.random().toString(36).slice(2)
    for (let batch = 0; batch < calls; batch += 50) {
      await Promise.all(Array.from({ length: 50 }, () => answered(`/${random()}.${random()}/made-up-${random()}`)))
    }
    const handled = (): Promise<number> =>
      valueOf('grpc_server_handled_total', 'unknown', 'unknown', ',grpc_code="Unimplemented"')
    await expect.poll(handled, soon).toBe(calls)
    expect(await valueOf('grpc_server_calls_in_flight', 'unknown', 'unknown')).toBe(0)
    const text = await page()
    expect(text).not.toContain('made-up')
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const perName = Map.groupBy(lines, (line) => /^[\w:]+/.exec(line)![0])
    for (const [name, found] of perName) expect({ name, few: found.length <= 200 }).toEqual({ name, few: true })
    const madeUp = perName.get('grpc_server_started_total')!.filter((line) => !line.includes(service))
    expect(madeUp).toHaveLength(1)
  })

  test.skipIf(!promtool.available)('promtool finds nothing to complain about', async () => {
    await answered(`/${service}/Echo`)
    await answered('/no/such')
    const check = spawnSync('promtool', ['check', 'metrics'], { input: await page(), encoding: 'utf8' })
    expect({ status: check.status, problems: check.stdout + check.stderr }).toEqual({ status: 0, problems: '' })
  })
})
