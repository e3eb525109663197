import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import type { ArmSpec } from '../src/arm.ts'
import { startArm } from '../src/arm.ts'
import { checkPipelined, faultOf } from '../src/pipelined-check.ts'
import { fixtureArm, rightAnswer } from './fixture-scenario.ts'
import { thrownBy } from './thrown.ts'

const nowMs = 1_795_363_799_745

function answer(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

const status = (ts = nowMs): string => answer(`{"status":"ok","ts":${ts}}`)
const plain = (): string[] => Array.from({ length: 32 }, () => status())
const echoing = (): string[] =>
  Array.from({ length: 32 }, (_, at) => (at % 2 === 0 ? status() : answer(`request ${at}`)))

function fault(answers: string[], withEcho: boolean): string | undefined {
  return faultOf(answers.join(''), rightAnswer, withEcho, nowMs)
}

test('thirty-two right answers in order have no fault', () => {
  expect(fault(plain(), false)).toBeUndefined()
  expect(fault(echoing(), true)).toBeUndefined()
})

test.each<[string, (answers: string[]) => string[], RegExp]>([
  ['an answer is missing', (answers) => answers.slice(1), /31 whole answers/],
  ['an answer too many came', (answers) => [...answers, status()], /33 whole answers/],
  ['further bytes came', (answers) => [...answers, 'HTTP/1.1'], /32 whole answers and 8 further bytes/],
  ['one is wrong', (answers) => answers.with(4, status().replace('"ok"', '"no"')), /answer 5 of 32: body/],
  ['one is refused', (answers) => answers.with(4, status().replace('200 OK', '503 No')), /answer 5 of 32: status line/],
])('%s: found among plain and among echoed answers', (_, spoil, message) => {
  expect(fault(spoil(plain()), false)).toMatch(message)
  if (!message.source.startsWith('31')) expect(fault(spoil(echoing()), true)).toMatch(message)
})

test('two echoes in the wrong order are found out', () => {
  const answers = echoing()
  const swapped = answers.with(3, answers[5]!).with(5, answers[3]!)
  expect(fault(swapped, true)).toBe('answer 4 of 32 is "request 5", not the echo of "request 3"')
})

test('time stamps that run backward are found out, equal ones are none', () => {
  expect(fault(plain().with(8, status(nowMs - 1)), false)).toMatch(/answer 9 of 32 has the ts \d+, earlier/)
})

test('a server that answers pipelined requests each on its own passes', async () => {
  await using arm = await startArm(fixtureArm('fixture'))
  await checkPipelined(arm, rightAnswer)
})

test('a server that answers a whole read once is refused by name', async () => {
  const lazy = createServer((socket) => socket.on('data', () => socket.end(status(Date.now())))).listen(0, '127.0.0.1')
  await once(lazy, 'listening')
  const { port } = lazy.address() as { port: number }
  const spec: ArmSpec = { ...fixtureArm('lazy'), kind: 'peer' }
  const error = await thrownBy(() =>
    checkPipelined({ url: `http://127.0.0.1:${port}/`, spec, lastWords: () => '' }, rightAnswer),
  )
  lazy.close()
  expect(error.code).toBe('QPS_WRONG_ANSWER')
  expect(error.message).toContain('lazy answers 32 pipelined requests wrongly: 1 whole answers')
})
