import { QpsError } from '@qps/core'
import { type Answer, parseAnswer } from './answer.ts'
import type { Arm } from './arm.ts'
import { exchange } from './exchange.ts'
import { askStreams } from './http2-client.ts'
import { askHttp3 } from './http3-client.ts'
import { type Asked, asked, type Question } from './question.ts'
import type { RightAnswer } from './scenario.ts'
import { streamAnswer, streamRequest } from './stream-answer.ts'

/** A server's `ts` may be this far from our clock: both read the same one. */
const clockToleranceMs = 60_000

/** What a check needs of an arm. */
export type CheckedArm = Pick<Arm, 'url' | 'spec' | 'lastWords'>

/**
 * Asks an arm once, over a connection of its own and in the protocol that it speaks, and checks that the answer is the
 * right one.
 *
 * @throws QpsError QPS_WRONG_ANSWER naming the arm, what was expected and what came.
 */
export async function checkAnswer(arm: CheckedArm, expected: RightAnswer, question: Question = {}): Promise<Answer> {
  const ask = asked(arm.spec.protocol ?? 'h1', expected, question)
  const answer = ask.protocol === 'h1' ? await askHttp1(arm.url, ask) : (await askAll(arm.url, [ask]))[0]!
  const fault = faultIn(answer, ask, expected, Date.now())
  if (typeof answer !== 'string' && fault === undefined) return answer
  throw wrongAnswer(arm, `answers ${shownRequest(ask)} wrongly: ${fault}`)
}

/** The error that stands for every wrong answer. */
export function wrongAnswer(arm: Omit<CheckedArm, 'url'>, what: string): QpsError {
  return new QpsError('QPS_WRONG_ANSWER', `${arm.spec.name} ${what}${arm.lastWords()}`, {
    hint: 'a wrong answer is not timed; correct the server first',
  })
}

async function askHttp1(url: string, { path, method, echo }: Asked): Promise<Answer | string> {
  const { host } = new URL(url)
  const request =
    echo === undefined
      ? `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${method === 'POST' ? 'Content-Length: 0\r\n' : ''}\r\n`
      : `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${echo.length}\r\n\r\n${echo.toString('latin1')}`
  const text = await exchange(url, request, (sofar) => parseAnswer(sofar)?.contentLength !== undefined)
  return parseAnswer(text) ?? 'no complete HTTP/1.1 response came'
}

/** Asks all at once, each on a stream of one connection; all of them speak one protocol. */
export async function askAll(url: string, asks: readonly Asked[]): Promise<(Answer | string)[]> {
  if (asks[0]?.protocol === 'h3') return askHttp3(url, asks)
  const answers = await askStreams(url, asks.map(streamRequest))
  return answers.map((answer, index) =>
    typeof answer === 'string' ? answer : streamAnswer(asks[index]!.protocol, answer),
  )
}

/** What is wrong with an answer, or with there being none; undefined where it is right. */
export function faultIn(
  answer: Answer | string,
  { echo }: Asked,
  expected: RightAnswer,
  nowMs: number,
): string | undefined {
  if (typeof answer === 'string') return answer
  if (echo === undefined) return wrongness(answer, expected, nowMs)
  if (answer.status !== 200) return `status line ${JSON.stringify(answer.statusLine)}, not 200`
  if (answer.body === echo.toString('latin1')) return undefined
  return `${answer.body.length} bytes that are not the echo of the ${echo.length} that were sent`
}

function shownRequest({ protocol, path, method, echo }: Asked): string {
  if (protocol === 'grpc') return `the call ${path}${echo === undefined ? '' : ` of ${echo.length} bytes`}`
  return echo === undefined ? `${method} ${path}` : `POST ${path} of ${echo.length} bytes`
}

/** What is wrong with the answer, or undefined. @param nowMs Unix milliseconds that a `ts` in the body is compared with. */
export function wrongness(answer: Answer, expected: RightAnswer, nowMs: number): string | undefined {
  if (answer.status !== expected.status)
    return `status line ${JSON.stringify(answer.statusLine)}, not ${expected.status}`
  // A call's content is a message, whatever is in it.
  if (answer.protocol !== 'grpc' && answer.contentType !== expected.contentType) {
    return `content-type ${JSON.stringify(answer.contentType)}, not ${JSON.stringify(expected.contentType)}`
  }
  // HTTP/2 and HTTP/3 have frames that say where content ends.
  if (answer.protocol === 'h1' && answer.contentLength === undefined) return 'no content-length'
  const match = expected.body.exec(answer.body)
  if (!match) return `body ${JSON.stringify(answer.body.slice(0, 200))} does not match ${String(expected.body)}`
  const ts = match.groups?.['ts']
  if (ts !== undefined && Math.abs(Number(ts) - nowMs) > clockToleranceMs) {
    return `ts ${ts} is ${Math.round((Number(ts) - nowMs) / 1000)} s away from now`
  }
  return undefined
}
