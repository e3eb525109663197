import { type Answer, parseAnswer } from './answer.ts'
import { type CheckedArm, wrongAnswer, wrongness } from './answer-check.ts'
import { exchange } from './exchange.ts'
import type { RightAnswer } from './scenario.ts'

/** Requests in one write: as deep as the deepest scenario, and more than a server answers by luck. */
const depth = 32

/**
 * Sends 32 requests of HTTP/1.1 in one write on one connection and checks that each is answered on its own, rightly and in order, and
 * that nothing follows. Of our own arms every second request is an echo of its number: an answer out of its turn shows. A
 * peer knows one path only; there the time stamps must not run backward.
 *
 * @throws QpsError QPS_WRONG_ANSWER naming the arm, the answer by its number, and what is wrong with it.
 */
export async function checkPipelined(
  arm: CheckedArm,
  expected: RightAnswer,
  nowMs: number = Date.now(),
): Promise<void> {
  const { host } = new URL(arm.url)
  const echoPath = arm.spec.kind === 'ours' ? expected.echoPath : undefined
  const requests = Array.from({ length: depth }, (_, index) => requestText(index, host, expected.path, echoPath))
  const text = await exchange(arm.url, requests.join(''), (sofar) => takeApart(sofar).length >= depth)
  const fault = faultOf(text, expected, echoPath !== undefined, nowMs)
  if (fault === undefined) return
  throw wrongAnswer(arm, `answers ${depth} pipelined requests wrongly: ${fault}`)
}

function requestText(index: number, host: string, path: string, echoPath: string | undefined): string {
  if (echoPath === undefined || index % 2 === 0) return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const body = echoed(index)
  const fields = `Host: ${host}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}`
  return `POST ${echoPath} HTTP/1.1\r\n${fields}\r\n\r\n${body}`
}

function echoed(index: number): string {
  return `request ${index}`
}

/** What is wrong with the answers to the requests above, or undefined. */
export function faultOf(text: string, expected: RightAnswer, withEcho: boolean, nowMs: number): string | undefined {
  const answers = takeApart(text)
  const rest = text.length - answers.reduce((sum, answer) => sum + answer.text.length, 0)
  if (answers.length !== depth || rest > 0) {
    return `${answers.length} whole answers and ${rest} further bytes came, not ${depth} answers`
  }
  let before = 0
  for (const [index, answer] of answers.entries()) {
    const name = `answer ${index + 1} of ${depth}`
    if (withEcho && index % 2 === 1) {
      if (answer.status === 200 && answer.body === echoed(index)) continue
      return `${name} is ${JSON.stringify(answer.body.slice(0, 100))}, not the echo of ${JSON.stringify(echoed(index))}`
    }
    const wrong = wrongness(answer, expected, nowMs)
    if (wrong !== undefined) return `${name}: ${wrong}`
    const ts = Number(expected.body.exec(answer.body)?.groups?.['ts'] ?? 0)
    if (ts < before) return `${name} has the ts ${ts}, earlier than that of the one before, ${before}`
    before = ts
  }
  return undefined
}

/** The whole answers at the start of the text. Without a content length nobody knows where one ends: it is the last. */
function takeApart(text: string): Answer[] {
  const answers: Answer[] = []
  for (let at = 0; at < text.length;) {
    const answer = parseAnswer(text.slice(at))
    if (answer === undefined) break
    answers.push(answer)
    at += answer.text.length
  }
  return answers
}
