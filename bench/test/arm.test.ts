import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { announced, urlFor } from '../src/announcement.ts'
import { checkAnswer } from '../src/answer-check.ts'
import { type ArmSpec, fillCommand, startArm } from '../src/arm.ts'
import type { Access } from '../src/scenario.ts'
import { fixtureArm, rightAnswer } from './fixture-scenario.ts'
import { thrownBy } from './thrown.ts'

test.each([
  ['listening 8080', { url: 'http://127.0.0.1:8080/', endpoints: undefined }],
  ['{"event":"listening","url":"http://127.0.0.1:5"}', { url: 'http://127.0.0.1:5/', endpoints: {} }],
  [
    '{"event":"listening","url":"http://127.0.0.1:5","endpoints":{"h2":"127.0.0.1:6"}}',
    { url: 'http://127.0.0.1:5/', endpoints: { h2: '127.0.0.1:6' } },
  ],
  ['{"event":"error","message":"listening 8080"}', undefined],
  ['{"event":"listening"}', undefined],
  ['{broken', undefined],
  ['Server listening on 8080', undefined],
])('the line %s announces %j', (line, announcement) => {
  expect(announced(line)).toEqual(announcement)
})

test.each<[Access, string]>([
  [{}, 'http://127.0.0.1:5/'],
  [{ protocol: 'h1' }, 'http://127.0.0.1:5/'],
  [{ protocol: 'h2' }, 'http://127.0.0.1:6/'],
  [{ protocol: 'grpc' }, 'http://127.0.0.1:7/'],
  [{ protocol: 'h1', tls: true }, 'https://127.0.0.1:8/'],
  [{ protocol: 'h2', tls: true }, 'https://127.0.0.1:8/'],
  [{ protocol: 'grpc', tls: true }, 'https://127.0.0.1:7/'],
  [{ protocol: 'h3' }, 'https://127.0.0.1:9/'],
  [{ protocol: 'h3', tls: true }, 'https://127.0.0.1:9/'],
])('an arm that is asked by %j is asked at %s', (access, url) => {
  const endpoints = { h2: '127.0.0.1:6', grpc: '127.0.0.1:7', tls: '127.0.0.1:8', quic: '127.0.0.1:9' }
  expect(urlFor({ url: 'http://127.0.0.1:5/', endpoints }, access)).toBe(url)
})

test('a peer has one address, whatever it speaks', () => {
  const plain = { url: 'http://127.0.0.1:5/', endpoints: undefined }
  expect(urlFor(plain, { protocol: 'grpc' })).toBe(plain.url)
  // QUIC is never without TLS.
  expect(urlFor(plain, { protocol: 'h3' })).toBe('https://127.0.0.1:5/')
})

test('an arm without the endpoint that it is asked at is one clear error', async () => {
  const spec: ArmSpec = { ...fixtureArm('h1-only'), protocol: 'h2' }
  const error = await thrownBy(() => startArm(spec))
  expect(error.code).toBe('QPS_ARM_FAILED')
  expect(error.message).toBe('h1-only: has no endpoint h2, only its url')
})

test('words of a command are filled in, unknown names stay', () => {
  expect(fillCommand(['{node}', '{root}/a', '{other}'], { node: 'n', root: '/r' })).toEqual(['n', '/r/a', '{other}'])
})

test.each(['right', 'plain'])('an arm that announces itself %s is asked and ends by SIGTERM', async (as) => {
  await using arm = await startArm(fixtureArm('fixture', '--as', as))
  expect((await checkAnswer(arm, rightAnswer)).body).toContain('"status":"ok"')
  expect(await arm.stop()).toBeUndefined()
  expect(() => process.kill(arm.pid, 0)).toThrow('ESRCH')
  expect(await arm.stop()).toBeUndefined()
})

test('an arm that dies at start is one clear error with its last words and the command', async () => {
  const error = await thrownBy(() => startArm(fixtureArm('doomed', '--as', 'dying')))
  expect(error.code).toBe('QPS_ARM_FAILED')
  expect(error.message).toBe('doomed: ended before it listened: exit code 3; its last words: Error: the disk is full')
  expect(error.hint).toContain('server.mjs --as dying')
})

test('a program that does not exist is one clear error', async () => {
  const spec: ArmSpec = { ...fixtureArm('absent'), command: ['/nowhere/server'] }
  expect((await thrownBy(() => startArm(spec))).message).toMatch(/^absent: could not be started: .*ENOENT/)
})

test('a stage that is not compiled says how to compile it', async () => {
  const spec: ArmSpec = { ...fixtureArm('absent'), command: [process.execPath, '/nowhere/dist/main.js'] }
  expect((await thrownBy(() => startArm(spec))).hint).toContain('tsc -b')
})

test.each([
  ['wrong', /^bad answers GET \/ wrongly: body "\{\\"status\\":\\"no\\"/],
  ['crashing', /^bad answers GET \/ wrongly: no complete HTTP\/1.1 response came; its last words: .*handler is broken/],
])('an arm that answers %s is refused by name', async (as, message) => {
  await using arm = await startArm(fixtureArm('bad', '--as', as))
  const error = await thrownBy(() => checkAnswer(arm, rightAnswer))
  expect(error.code).toBe('QPS_WRONG_ANSWER')
  expect(error.message).toMatch(message)
})

test('an answer that never ends is cut at a bound', async () => {
  const flood = createServer((socket) => {
    socket.on('error', () => {})
    const timer = setInterval(() => socket.write('x'.repeat(16_384)), 1)
    socket.on('close', () => clearInterval(timer))
  }).listen(0, '127.0.0.1')
  await once(flood, 'listening')
  const { port } = flood.address() as { port: number }
  const arm = { url: `http://127.0.0.1:${port}/`, spec: fixtureArm('flood'), lastWords: () => '' }
  expect((await thrownBy(() => checkAnswer(arm, rightAnswer))).message).toContain('no complete')
  flood.close()
})

test('an exit code other than 0 after SIGTERM is reported for a server of ours, not for a peer', async () => {
  for (const kind of ['ours', 'peer'] as const) {
    await using arm = await startArm({ ...fixtureArm('unclean', '--as', 'unclean'), kind })
    expect(await arm.stop()).toBe(kind === 'ours' ? 'did not exit cleanly: exit code 4' : undefined)
  }
})

test('an arm that died on the way is reported', async () => {
  await using arm = await startArm(fixtureArm('gone'))
  arm.kill()
  expect(await arm.stop()).toMatch(/signal SIGKILL/)
})

test('an interruption ends an arm that is still starting', async () => {
  const signal = AbortSignal.timeout(300)
  await expect(startArm(fixtureArm('silent', '--as', 'silent'), signal)).rejects.toThrow(/timeout/i)
})
