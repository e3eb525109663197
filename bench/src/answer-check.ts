import { QpsError } from '@qps/core'
import { connect } from 'node:net'
import { type Answer, parseAnswer } from './answer.ts'
import type { Arm } from './arm.ts'
import type { RightAnswer } from './scenario.ts'

/** No answer that is compared is larger. */
const answerBytesMax = 64 * 1024
const answerTimeoutMs = 5_000
/** After the last byte that was expected. */
const surplusMs = 20
/** A server's `ts` may be this far from our clock: both read the same one. */
const clockToleranceMs = 60_000

/**
 * Asks an arm once, over a connection of its own, and checks that the answer is the right one.
 *
 * @param nowMs Unix milliseconds that a `ts` in the body is compared with.
 * @throws QpsError QPS_WRONG_ANSWER naming the arm, what was expected and what came.
 */
export async function checkAnswer(
  arm: Pick<Arm, 'url' | 'spec' | 'lastWords'>,
  expected: RightAnswer,
  nowMs: number = Date.now(),
): Promise<Answer> {
  const { hostname, port, host } = new URL(arm.url)
  const request = `GET ${expected.path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const answer = parseAnswer(await exchange(hostname, Number(port), request, endsWithLength))
  const fault = answer === undefined ? 'no complete HTTP/1.1 response came' : wrongness(answer, expected, nowMs)
  if (answer !== undefined && fault === undefined) return answer
  const asked = `${arm.spec.name} answers GET ${expected.path} wrongly`
  throw new QpsError('QPS_WRONG_ANSWER', `${asked}: ${fault}${arm.lastWords()}`, {
    hint: 'a wrong answer is not timed; correct the server first',
  })
}

/** What is wrong with the answer, or undefined. */
export function wrongness(answer: Answer, expected: RightAnswer, nowMs: number): string | undefined {
  if (answer.status !== expected.status)
    return `status line ${JSON.stringify(answer.statusLine)}, not ${expected.status}`
  if (answer.contentType !== expected.contentType) {
    return `content-type ${JSON.stringify(answer.contentType)}, not ${JSON.stringify(expected.contentType)}`
  }
  if (answer.contentLength === undefined) return 'no content-length'
  const match = expected.body.exec(answer.body)
  if (!match) return `body ${JSON.stringify(answer.body.slice(0, 200))} does not match ${String(expected.body)}`
  const ts = match.groups?.['ts']
  if (ts !== undefined && Math.abs(Number(ts) - nowMs) > clockToleranceMs) {
    return `ts ${ts} is ${Math.round((Number(ts) - nowMs) / 1000)} s away from now`
  }
  return undefined
}

function endsWithLength(text: string): boolean {
  return parseAnswer(text)?.contentLength !== undefined
}

/**
 * Sends a text over a connection of its own, returns what came until `complete` said so and a moment more, the peer
 * closed, or a limit was reached.
 *
 * @param complete whether the text so far is all that is expected.
 */
export function exchange(
  host: string,
  port: number,
  request: string,
  complete: (text: string) => boolean,
): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect({ host, port })
    const finish = (): void => {
      socket.destroy()
      resolve(text)
    }
    socket.setTimeout(answerTimeoutMs, finish)
    socket.on('connect', () => socket.write(request))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (text.length > answerBytesMax) finish()
      // What nobody asked for comes right behind.
      else if (complete(text)) socket.setTimeout(surplusMs)
    })
    socket.on('end', finish)
    // Whatever cut it short, what is missing from the text is the fault that is reported.
    socket.on('error', finish)
  })
}
