import { type Code, i32, sequence, when } from '../wasm/code.ts'
import type { Declared, Variable } from '../wasm/program.ts'
import { headerAt, shardOf } from './addresses.ts'
import { type Answer, answers, takeKey } from './answers.ts'
import type { KeyCode, Way } from './keys.ts'
import type { LockCode } from './locks.ts'
import { constant, type MapCode } from './map-program.ts'
import { status } from './status.ts'
import type { TableCode } from './table.ts'
import { expiredCode } from './values.ts'

/** `(key)`, come on either way: readers keep writers out while they look. */
export function lockedRead(
  code: MapCode,
  keys: KeyCode,
  way: Way,
  table: TableCode,
  locks: LockCode,
  answer: Answer,
): Declared {
  return code.program.define([way.param], [answer.type], ([given], local) => {
    const [key, hash, value] = [local(keys.type), local('i64'), local(answer.type)]
    const [header, head] = [local('i32'), local('i32')]
    return sequence(
      takeKey(code, way, key, given!, answer),
      hash.set(keys.hash(key.get, local)),
      header.set(headerAt(code, shardOf(code, hash.get))),
      when(locks.enter.call(header.get), answers(code, status.busy, answer.busy)),
      head.set(table.seek.call(hash.get, key.get)),
      value.set(answerOfHead(code, head, answer, local(answer.type))),
      locks.leave.call(header.get),
      value.get,
    )
  })
}

/** `(key)`: what the thread that holds the lock sees. */
export function peekCode(code: MapCode, keys: KeyCode, table: TableCode, answer: Answer): Declared {
  return code.program.define([keys.param], [answer.type], ([given], local) => {
    const head = local('i32')
    return sequence(
      head.set(table.seek.call(code.heldHash.get, keys.take(given!.get))),
      answerOfHead(code, head, answer, local(answer.type)),
    )
  })
}

/** Leaves the answer for an entry, or for none where `head` is 0, and sets the status. */
function answerOfHead(code: MapCode, head: Variable, answer: Answer, value: Variable): Code {
  const expired = expiredCode(code)
  const present = sequence(code.status.set(constant(status.done)), value.set(answer.read(head.get)))
  return sequence(
    code.status.set(constant(status.absent)),
    value.set(answer.absent),
    when(head.get, expired === undefined ? present : when(i32.eqz(expired(head.get)), present)),
    value.get,
  )
}
