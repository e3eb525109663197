import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  create,
  createGrpcClient,
  EchoRequestSchema,
  ExpandRequestSchema,
  StatusRequestSchema,
  workloadDefinition,
} from '@qps/grpc'
import { httpSurfaceConformance, startStage } from '@qps/testkit'
import { describe, expect, test } from 'vitest'

const folder = '03-http2-grpc'
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
/** What each serves beside HTTP/1.1. */
const endpoints: Readonly<Record<string, readonly string[]>> = {
  baseline: [],
  http2: ['h2'],
  grpc: ['grpc'],
  'grpc-raw': ['grpc'],
  'http2-netpoll': ['h2'],
  'grpc-netpoll': ['grpc'],
  tls: ['tls', 'grpc'],
}
const variants = Object.keys(endpoints)
const start = (variant: string): ReturnType<typeof startStage> => startStage(folder, ['--variant', variant])

for (const variant of variants) {
  httpSurfaceConformance(
    variant,
    () => start(variant),
    (stage) => {
      test('says what else it serves, and drains at SIGTERM with exit code 0', async () => {
        const { events } = stage()
        expect(events[0]).toMatchObject({ event: 'listening', stage: 3, variant, workers: 1 })
        expect(Object.keys(events[0]!['endpoints'] as object)).toEqual(['http', ...endpoints[variant]!])
        expect((await stage().stop()).code).toBe(0)
        expect(events.at(-1)).toMatchObject({ event: 'drained', dropped: 0 })
      })
    },
  )
}

const endpoint = (stage: Awaited<ReturnType<typeof start>>, name: string): string =>
  `http://${(stage.events[0]!['endpoints'] as Record<string, string>)[name]}`

describe('the command', () => {
  test('of a server that nobody asked anything, nothing is completed', async () => {
    await using stage = await startStage(folder)
    const { code, events } = await stage.stop()
    expect(code).toBe(0)
    expect(events.at(-1)).toMatchObject({ event: 'drained', completed: 0, dropped: 0 })
  })

  test('--list names the variants', () => {
    const options = ['--conditions=@qps/source', main, '--list', '--json']
    const { stdout } = spawnSync(process.execPath, options, { encoding: 'utf8', timeout: 20_000 })
    const listed = JSON.parse(stdout) as { best: string; variants: { name: string }[] }
    expect(listed).toMatchObject({ stage: 3, best: 'grpc-netpoll' })
    // quic needs a native module, and has its tests beside this file.
    expect(listed.variants.map(({ name }) => name)).toEqual([...variants, 'quic'])
  })
})

test.each(['http2', 'http2-netpoll'])('%s answers what HTTP/1.1 answers, and counts it', async (variant) => {
  await using stage = await start(variant)
  const session = connect(endpoint(stage, 'h2'))
  const ask = async (path: string): Promise<string> => {
    const stream = session.request({ ':path': path }).setEncoding('utf8')
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    return `${String(headers[':status'])} ${await stream.reduce((text: string, piece: string) => text + piece, '')}`
  }
  expect(await ask('/')).toMatch(/^200 \{"status":"ok","ts":\d{13}\}$/)
  expect(await ask('/plaintext')).toBe('200 Hello, World!')
  expect(await ask('/nowhere')).toMatch(/^404 /)
  session.close()
  await sleep(50)
  const metrics = await (await fetch(`${stage.admin}/metrics`)).text()
  expect(metrics).toContain('http_server_requests_total{method="GET",route="/plaintext",status="200"} 1')
})

test('http2 takes as much, and as many, as it is told to', async () => {
  await using stage = await startStage(folder, [
    '--variant',
    'http2',
    '--window-bytes',
    '1048576',
    '--streams-max',
    '7',
  ])
  const session = connect(endpoint(stage, 'h2'))
  const [settings] = (await once(session, 'remoteSettings')) as [
    { initialWindowSize: number; maxConcurrentStreams: number },
  ]
  expect(settings).toMatchObject({ initialWindowSize: 1_048_576, maxConcurrentStreams: 7 })
  await expect.poll(() => session.state.remoteWindowSize).toBe(1_048_576)
  session.close()
})

describe.each(['grpc', 'grpc-raw', 'grpc-netpoll'])('the service of %s', (variant) => {
  test('answers in all shapes, and the status of GET /', async () => {
    await using stage = await start(variant)
    await using client = createGrpcClient({ origin: endpoint(stage, 'grpc') })
    const request = create(EchoRequestSchema, { payload: Buffer.from('hello') })
    expect(Buffer.from((await client.unary(workloadDefinition.echo, request)).payload).toString()).toBe('hello')
    const { body } = await client.unary(workloadDefinition.status, create(StatusRequestSchema))
    expect(Buffer.from(body).toString()).toMatch(/^\{"status":"ok","ts":\d{13}\}$/)

    const sizes: number[] = []
    const expand = create(ExpandRequestSchema, { count: 3, size: 1000 })
    for await (const { payload } of client.serverStream(workloadDefinition.expand, expand)) sizes.push(payload.length)
    expect(sizes).toEqual([1000, 1000, 1000])

    const chat = client.bidi(workloadDefinition.chat)
    await chat.write(request)
    await chat.write(request)
    chat.end()
    let echoed = ''
    for await (const { payload } of chat) echoed += Buffer.from(payload).toString()
    expect(echoed).toBe('hellohello')
  })

  test('a call that is under way when it leaves goes on to its end', async () => {
    await using stage = await start(variant)
    await using client = createGrpcClient({ origin: endpoint(stage, 'grpc') })
    const chat = client.bidi(workloadDefinition.chat)
    const write = (text: string): Promise<unknown> =>
      chat.write(create(EchoRequestSchema, { payload: Buffer.from(text) }))
    await write('before ')
    await sleep(100)
    const stopped = stage.stop()
    await sleep(300)
    await write('after')
    chat.end()
    let echoed = ''
    for await (const { payload } of chat) echoed += Buffer.from(payload).toString()
    expect(echoed).toBe('before after')
    const { code, events } = await stopped
    expect(code).toBe(0)
    expect(events.at(-1)).toMatchObject({ event: 'drained', dropped: 0 })
  })
})
