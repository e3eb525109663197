import { inlineBytes, scratchAt } from '../layout.ts'
import { branchIf, type Code, giveBack, i32, i64, loop, sequence, when } from '../wasm/code.ts'
import type { Declared, MakeLocal, Variable } from '../wasm/program.ts'
import { tailAt } from './addresses.ts'
import { high, low, pair } from './hash.ts'
import { constant, type MapCode } from './map-program.ts'

/** Bytes of the key that stand in the tail, in whole pairs of words; at most 0 for a short key. */
const tailEnd = (length: Code): Code =>
  i32.and(i32.add(i32.sub(i32.and(length, constant(0xffff)), constant(inlineBytes)), constant(7)), constant(-8))
export const hasTail = (length: Code): Code => i32.gtU(i32.and(length, constant(0xffff)), constant(inlineBytes))

/** What is done with the words behind the first three, by pairs. Only keys that have some come here. */
export interface TailCode {
  /** `(tail, length)`: their part of the hash. */
  readonly sum: Declared
  /** `(head, length)`: whether an entry has those of the key that was brought. */
  readonly same: Declared
  /** `(head, length)`: gives them to an entry. */
  readonly copy: Declared
}

export function tailCode(code: MapCode): TailCode {
  const brought = (at: Code): Code => i64.privateLoad(i32.add(constant(code.scratch), at), scratchAt.tail)
  const sum = code.program.define(['i32', 'i32'], ['i64'], ([tail, length], local) => {
    const total = local('i64')
    return sequence(
      eachPair(local, length!, (at) => {
        const secretAt = i32.add(constant(code.layout.secret + 40), i32.shl(at, constant(1)))
        const both = i64.privateLoad(i32.add(tail!.get, at), 0)
        const product = pair(i64.privateLoad(secretAt, 0), high(both), i64.privateLoad(secretAt, 8), low(both))
        return total.set(i64.add(total.get, product))
      }),
      total.get,
    )
  })
  const same = code.program.define(['i32', 'i32'], ['i32'], ([head, length], local) => {
    const tail = local('i32')
    return sequence(
      tail.set(tailAt(code, head!.get)),
      eachPair(local, length!, (at) =>
        when(i64.ne(i64.load(i32.add(tail.get, at), 0), brought(at)), giveBack(constant(0))),
      ),
      constant(1),
    )
  })
  const copy = code.program.define(['i32', 'i32'], [], ([head, length], local) => {
    const tail = local('i32')
    return sequence(
      tail.set(tailAt(code, head!.get)),
      eachPair(local, length!, (at) => i64.store(i32.add(tail.get, at), 0, brought(at))),
    )
  })
  return { sum, same, copy }
}

/** Calls `step` with 0, 8, 16 … for every pair of words in the tail. */
function eachPair(local: MakeLocal, length: Variable, step: (at: Code) => Code): Code {
  const [at, end] = [local('i32'), local('i32')]
  return sequence(
    end.set(tailEnd(length.get)),
    loop((again) =>
      sequence(step(at.get), at.set(i32.add(at.get, constant(8))), branchIf(again, i32.ltU(at.get, end.get))),
    ),
  )
}
