import { runLoad } from '@qps/loadgen'
import { type Http3Handler, quicAvailability, type RunningHttp3, serveHttp3, surfaceHandler } from '@qps/quic'
import { createAuthority } from '@qps/tls'
import { describe, expect, test } from 'vitest'
import { difference } from '../src/answer.ts'
import { type CheckedArm, checkAnswer } from '../src/answer-check.ts'
import { type Arm, startArm } from '../src/arm.ts'
import { checkArm } from '../src/arm-check.ts'
import { asked, loadOf } from '../src/question.ts'
import { checkStreams } from '../src/streams-check.ts'
import { fixtureArm, rightAnswer } from './fixture-scenario.ts'
import { thrownBy } from './thrown.ts'

const quic = quicAvailability()
if (!quic.available && process.env['REAL_SERVICES'] === 'required') throw new Error(quic.reason)

/** A server of HTTP/3 in the place of an arm's process; nobody knows who has issued its certificate. */
async function serve(
  handler: Http3Handler = surfaceHandler,
): Promise<AsyncDisposable & { running: RunningHttp3; arm: Arm }> {
  const pair = createAuthority().issue({ hosts: ['else.test'] })
  const running = await serveHttp3({ port: 0, ...pair, onError: () => {} }, handler)
  const arm: CheckedArm = {
    url: `https://${running.address}/`,
    spec: { ...fixtureArm('quick'), protocol: 'h3' },
    lastWords: () => '',
  }
  return { running, arm: arm as Arm, [Symbol.asyncDispose]: async () => void (await running.drain(0)) }
}

const phase = { name: 'load', connections: 1, warmupS: 0, durationS: 1, gives: {} }

describe.skipIf(!quic.available)(`an arm of HTTP/3 ${quic.reason}`, () => {
  test('that is right passes every check', async () => {
    await using server = await serve()
    const phases = [
      { ...phase, pipeline: 10 },
      { ...phase, echoBytes: 300_000 },
    ]
    const answer = await checkArm(server.arm, { answer: rightAnswer, phases })
    expect(answer).toMatchObject({
      protocol: 'h3',
      status: 200,
      contentType: 'application/json',
      contentLength: 34,
      body: expect.stringContaining('"status":"ok"') as string,
      text: expect.stringMatching(/^:status: 200\r\ncontent-type: application\/json\r\n/) as string,
    })
  })

  test.each<[string, Http3Handler, RegExp]>([
    [
      'another body',
      (exchange) => exchange.respond(200, [['content-type', 'application/json']], '{"status":"no"}'),
      /^quick answers GET \/ wrongly: body "\{\\"status\\":\\"no\\"/,
    ],
    [
      'another status',
      (exchange) => exchange.respond(503, [['content-type', 'application/json']], '{}'),
      /wrongly: status line ":status: 503", not 200/,
    ],
    ['another type', (exchange) => exchange.respond(200, [['content-type', 'text/plain']], '{}'), /content-type "text/],
    ['no whole answer', (exchange) => exchange.reset(0x102), /wrongly: .*H3_INTERNAL_ERROR/],
    ['what is not HTTP', (exchange) => exchange.respond(200, [['connection', 'close']], ''), /H3_MESSAGE_ERROR/],
  ])('that answers with %s is refused by name', async (_name, handler, message) => {
    await using server = await serve(handler)
    const error = await thrownBy(() => checkAnswer(server.arm, rightAnswer))
    expect(error.code).toBe('QPS_WRONG_ANSWER')
    expect(error.message).toMatch(message)
  })

  test('that is not there is refused by name', async () => {
    const server = await serve()
    await server[Symbol.asyncDispose]()
    const error = await thrownBy(() => checkAnswer(server.arm, rightAnswer))
    expect(error.message).toMatch(/^quick answers GET \/ wrongly: no answer from 127\.0\.0\.1:\d+ in 5000 ms/)
  })

  test('that answers on the streams of others is found out', async () => {
    const waiting: Parameters<Http3Handler>[0][] = []
    await using server = await serve(async (exchange) => {
      if (exchange.path !== '/echo') return surfaceHandler(exchange)
      const body = await exchange.collect()
      const other = waiting.pop()
      if (other === undefined) return void waiting.push(exchange)
      for (const each of [exchange, other]) each.respond(200, [['content-type', 'application/octet-stream']], body)
    })
    const error = await thrownBy(() => checkStreams(server.arm, rightAnswer))
    expect(error.message).toMatch(
      /^quick answers 32 streams at once wrongly: that of stream \d+ is: \d+ bytes that are/,
    )
  })

  test('answers what one of HTTP/1.1 does; two of its kind agree in every field', async () => {
    await using server = await serve()
    await using chatty = await serve((exchange) => {
      exchange.respond(
        200,
        [
          ['content-type', 'application/json'],
          ['x-extra', '1'],
        ],
        `{"status":"ok","ts":${Date.now()}}`,
      )
    })
    await using http1 = await startArm(fixtureArm('h1'))
    const [one, two, more, first] = await Promise.all(
      [server.arm, server.arm, chatty.arm, http1].map((arm) => checkAnswer(arm, rightAnswer)),
    )
    expect(difference(one!, first!, 'ours')).toBeUndefined()
    expect(difference(two!, one!, 'ours')).toBeUndefined()
    expect(difference(more!, one!, 'ours')).toContain('"x-extra: 1"')
    expect(difference(more!, first!, 'ours')).toBeUndefined()
  })

  test.each([undefined, 300])('is asked by the generator what was checked, echoing %s bytes', async (echoBytes) => {
    await using server = await serve()
    const question = echoBytes === undefined ? {} : { echoBytes }
    await checkAnswer(server.arm, rightAnswer, question)
    const load = loadOf(asked('h3', rightAnswer, question), server.arm.url)
    const result = await runLoad({ ...load, insecure: true, connections: 1, durationS: 0.8 })
    expect(result).toMatchObject({ protocol: 'h3', errors: 0, status: { 200: result.requests } })
    expect(result.requests).toBeGreaterThan(1)
  })
})
