import { type Code, giveBack, sequence, type ValueType, when } from '../wasm/code.ts'
import type { Variable } from '../wasm/program.ts'
import type { Way } from './keys.ts'
import { constant, type MapCode } from './map-program.ts'
import { status } from './status.ts'
import type { ValueCode } from './values.ts'

/** What a read gives: the value for `get`, a status for `has`. */
export interface Answer {
  readonly type: ValueType
  readonly absent: Code
  readonly busy: Code
  read(head: Code): Code
}

export const valueAnswer = ({ type, absent, busy, read }: ValueCode): Answer => ({ type, absent, busy, read })
export const hasAnswer: Answer = {
  type: 'i32',
  absent: constant(status.absent),
  busy: constant(status.busy),
  read: () => constant(status.done),
}

/** Sets `key` to what came, or answers that JavaScript has to encode it. */
export function takeKey(code: MapCode, way: Way, key: Variable, given: Variable, answer: Answer): Code {
  const other = way.isOther?.(key.get)
  return sequence(
    key.set(way.take(given.get)),
    other === undefined ? sequence() : when(other, answers(code, status.otherKey, answer.busy)),
  )
}

/** Returns from the function with an answer, and why. */
export const answers = (code: MapCode, why: number, answer: Code): Code =>
  sequence(code.status.set(constant(why)), giveBack(answer))
