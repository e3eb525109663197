import type { Answer } from './answer.ts'
import { checkAnswer } from './answer-check.ts'
import type { Arm } from './arm.ts'
import { checkPipelined } from './pipelined-check.ts'
import { questionsOf } from './question.ts'
import type { ServerScenario } from './scenario.ts'
import { checkStreams } from './streams-check.ts'

/**
 * An arm's right answer to each question of its loads, before it is timed; where a phase has several requests in flight on a
 * connection, also that they are answered each on its own.
 *
 * @returns the answer to the first question. @throws QpsError QPS_WRONG_ANSWER
 */
export async function checkArm(
  arm: Arm,
  { answer, phases }: Pick<ServerScenario, 'answer' | 'phases'>,
): Promise<Answer> {
  const [first = {}, ...others] = questionsOf(phases)
  const given = await checkAnswer(arm, answer, first)
  for (const question of others) await checkAnswer(arm, answer, question)
  if (!phases.some(({ pipeline = 1 }) => pipeline > 1)) return given
  await (given.protocol === 'h1' ? checkPipelined(arm, answer) : checkStreams(arm, answer))
  return given
}
