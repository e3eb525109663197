import type { Answer } from './answer.ts'
import type { ArmSpec } from './arm.ts'
import type { Round } from './round.ts'
import type { Inputs } from './scenario.ts'
import { inputsText, type Point } from './sweep.ts'

/** One arm of a running experiment, at one point of its sweep. */
export interface Subject {
  point: Point
  spec: ArmSpec
  /** Undefined where the arms are programs. */
  answer: Answer | undefined
  /** What the answers at this point are compared with: the first arm's. */
  reference: Answer | undefined
  rounds: Round[]
}

/** An arm in messages: with its input, where there is one. */
export function armName({ name }: Pick<ArmSpec, 'name'>, inputs: Inputs): string {
  const text = inputsText(inputs)
  return text === '' ? name : `${name} (${text})`
}
