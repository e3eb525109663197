import { askAll, type CheckedArm, faultIn, wrongAnswer } from './answer-check.ts'
import { type Asked, asked } from './question.ts'
import type { RightAnswer } from './scenario.ts'

/** Requests at once: as many as `checkPipelined` sends. */
const count = 32

/**
 * Sends 32 requests at once, each on a stream of one connection of HTTP/2, HTTP/3 or gRPC, and checks that each is answered rightly,
 * whatever their order. Every second one is an echo of its number: an answer on another's stream shows. A peer of HTTP/2
 * knows one path only, and no echo.
 *
 * @throws QpsError QPS_WRONG_ANSWER naming the arm, the stream by its number, and what is wrong with it.
 */
export async function checkStreams(arm: CheckedArm, expected: RightAnswer): Promise<void> {
  const { kind, protocol = 'h2' } = arm.spec
  const hasEcho = protocol === 'grpc' ? expected.grpc !== undefined : kind === 'ours' && expected.echoPath !== undefined
  const asks = Array.from({ length: count }, (_, index): Asked => {
    const echo = hasEcho && index % 2 === 1 ? Buffer.from(`request ${index}`) : undefined
    return asked(protocol, expected, {}, echo)
  })
  const answers = await askAll(arm.url, asks)
  for (const [index, answer] of answers.entries()) {
    const fault = faultIn(answer, asks[index]!, expected, Date.now())
    if (fault === undefined) continue
    throw wrongAnswer(arm, `answers ${count} streams at once wrongly: that of stream ${index + 1} is: ${fault}`)
  }
}
