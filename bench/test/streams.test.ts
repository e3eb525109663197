import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { runLoad } from '@qps/loadgen'
import { createAuthority } from '@qps/tls'
import { expect, test } from 'vitest'
import { type Answer, difference } from '../src/answer.ts'
import { askAll, checkAnswer } from '../src/answer-check.ts'
import { startArm } from '../src/arm.ts'
import { checkArm } from '../src/arm-check.ts'
import { asked, loadOf } from '../src/question.ts'
import type { Phase, Protocol } from '../src/scenario.ts'
import { checkStreams } from '../src/streams-check.ts'
import { fixtureArm, rightAnswer, streamsArm } from './fixture-scenario.ts'
import { thrownBy } from './thrown.ts'

const start = (protocol: Protocol, as = 'right') => startArm(streamsArm(as, protocol, '--as', as))
const phase = (changes: Partial<Phase>): Phase => ({
  name: 'load',
  connections: 1,
  warmupS: 0,
  durationS: 1,
  gives: {},
  ...changes,
})

test.each<Protocol>(['h2', 'grpc'])('an arm of %s that is right passes every check', async (protocol) => {
  await using arm = await start(protocol)
  const phases = [phase({ pipeline: 10 }), phase({ echoBytes: 300 })]
  const answer = await checkArm(arm, { answer: rightAnswer, phases })
  expect(answer).toMatchObject({ protocol, body: expect.stringContaining('"status":"ok"') })
})

test.each<[Protocol, string, RegExp]>([
  ['h2', 'wrong', /^wrong answers GET \/ wrongly: body "\{\\"status\\":\\"no\\"/],
  ['grpc', 'wrong', /^wrong answers the call \/qps.v1.Workload\/Status wrongly: body "\{\\"status\\":\\"no\\"/],
  ['h2', 'resetting', /^resetting answers GET \/ wrongly: .*NGHTTP2_INTERNAL_ERROR/],
  ['grpc', 'failing', /wrongly: grpc-status 13, out of order/],
  ['grpc', 'late', /wrongly: grpc-status 14/],
  [
    'grpc',
    'twice',
    /wrongly: 82 bytes of message, not the 36 that were announced|wrongly: \d+ bytes of message, not the/,
  ],
])('an arm of %s that is %s is refused by name', async (protocol, as, message) => {
  await using arm = await start(protocol, as)
  const error = await thrownBy(() => checkAnswer(arm, rightAnswer))
  expect(error.code).toBe('QPS_WRONG_ANSWER')
  expect(error.message).toMatch(message)
})

test.each<[Protocol, RegExp]>([
  ['h2', /^crossed answers POST \/echo of 300 bytes wrongly: 9 bytes that are not the echo of the 300/],
  ['grpc', /^crossed answers the call \/qps.v1.Workload\/Echo of 300 bytes wrongly: \d+ bytes that are not the echo/],
])('an echo of %s that is another is refused', async (protocol, message) => {
  await using arm = await start(protocol, 'crossed')
  const ask = asked(protocol, rightAnswer, {}, Buffer.from('something'))
  await askAll(arm.url, [ask])
  expect((await thrownBy(() => checkAnswer(arm, rightAnswer, { echoBytes: 300 }))).message).toMatch(message)
})

test.each<Protocol>(['h2', 'grpc'])('answers on the streams of others are found out: %s', async (protocol) => {
  await using arm = await start(protocol, 'crossed')
  const error = await thrownBy(() => checkStreams(arm, rightAnswer))
  expect(error.message).toMatch(/^crossed answers 32 streams at once wrongly: that of stream \d+ is: \d+ bytes/)
})

test('a server that speaks HTTP/1.1 only is found out', async () => {
  await using arm = await startArm(fixtureArm('h1-only', '--as', 'plain'))
  const spec = { ...arm.spec, protocol: 'grpc' as const }
  const error = await thrownBy(() => checkAnswer({ url: arm.url, spec, lastWords: () => '' }, rightAnswer))
  expect(error.message).toMatch(/^h1-only answers the call \/qps.v1.Workload\/Status wrongly: /)
})

test('two arms of ours agree in every field of HTTP/2; two protocols in what they answer', async () => {
  const answerOf = async (starting: ReturnType<typeof startArm>): Promise<Answer> => {
    await using arm = await starting
    return await checkAnswer(arm, rightAnswer)
  }
  const [one, two, more, call] = await Promise.all([
    answerOf(startArm(fixtureArm('h1'))),
    answerOf(start('h2')),
    answerOf(start('h2', 'chatty')),
    answerOf(start('grpc')),
  ])
  expect(difference(two, one, 'ours')).toBeUndefined()
  expect(difference(call, one, 'ours')).toBeUndefined()
  expect(difference(more, two, 'ours')).toContain('"x-extra: 1"')
  expect(difference(more, one, 'ours')).toBeUndefined()
  expect(difference({ ...call, body: 'else' }, one, 'ours')).toContain('"else"')
})

test.each<[Protocol, number | undefined]>([
  ['h1', undefined],
  ['h1', 300],
  ['h2', undefined],
  ['h2', 300],
  ['grpc', undefined],
  ['grpc', 300],
])('the generator asks over %s what was checked, echoing %s bytes', async (protocol, echoBytes) => {
  await using arm = protocol === 'h1' ? await startArm(fixtureArm('h1')) : await start(protocol)
  const question = echoBytes === undefined ? {} : { echoBytes }
  await checkAnswer(arm, rightAnswer, question)
  const load = loadOf(asked(protocol, rightAnswer, question), arm.url)
  const result = await runLoad({ ...load, connections: 1, durationS: 0.2 })
  expect(result).toMatchObject({ protocol, errors: 0, status: { 200: result.requests } })
  expect(result.requests).toBeGreaterThan(1)
})

test.each<Protocol>(['h1', 'h2'])(
  'over TLS %s is checked as without, whoever has issued the certificate',
  async (protocol) => {
    const pair = createAuthority().issue({ hosts: ['else.test'] })
    const server = createSecureServer({ ...pair, allowHTTP1: true }, (_request, response) => {
      const body = `{"status":"ok","ts":${Date.now()}}`
      response.setHeader('content-type', 'application/json')
      response.setHeader('content-length', body.length)
      response.end(body)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const arm = { url, spec: { ...fixtureArm('secure'), protocol, tls: true }, lastWords: () => '' }
    expect(await checkAnswer(arm, rightAnswer)).toMatchObject({ protocol, status: 200 })
    server.close()
  },
)

test('what a scenario does not say how to ask is a mistake of the scenario', () => {
  const { grpc: _, echoPath: __, ...h1Only } = rightAnswer
  expect(() => asked('grpc', h1Only)).toThrow('names no path for grpc')
  expect(() => asked('h2', h1Only, { echoBytes: 5 })).toThrow('names no echo for h2')
})
