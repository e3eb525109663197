import { headAt, scratchAt } from '../layout.ts'
import { choose, type Code, i32, i64, sequence, when } from '../wasm/code.ts'
import type { MakeLocal } from '../wasm/program.ts'
import { tailAt } from './addresses.ts'
import { finish, pair, secretOf } from './hash.ts'
import type { KeyCode } from './keys.ts'
import { constant, type MapCode } from './map-program.ts'
import { encodeCode } from './string-encode.ts'
import { hasTail, tailCode } from './string-tails.ts'

/** A string is its length and its words: three in the scratch and in the head, the others in the tails. */
export function stringKeys(code: MapCode): KeyCode {
  const { scratch, layout } = code
  const encode = encodeCode(code)
  code.program.export('encode', encode)
  const tail = layout.tailBytes > 0 ? tailCode(code) : undefined
  const brought = (index: number): Code => i32.privateLoad(constant(scratch), scratchAt.words + 4 * index)
  const differs = (head: Code, index: number): Code => i32.xor(i32.load(head, headAt.words + 4 * index), brought(index))
  const hash = (words: Code, tailWords: Code, length: Code, local: MakeLocal): Code => {
    const sum = local('i64')
    const word = (index: number): Code => i64.extendI32U(i32.privateLoad(words, 4 * index))
    const first = pair(secretOf(code, 1), word(1), secretOf(code, 0), word(0))
    const second = pair(secretOf(code, 3), i64.extendI32U(length), secretOf(code, 2), word(2))
    const rest = tail && when(hasTail(length), sum.set(i64.add(sum.get, tail.sum.call(tailWords, length))))
    return sequence(
      sum.set(i64.add(i64.add(secretOf(code, 4), first), second)),
      rest ?? sequence(),
      finish(sum, local('i32')),
    )
  }
  const entryHash = code.program.define(['i32'], ['i64'], ([head], local) =>
    hash(
      i32.add(head!.get, constant(headAt.words)),
      tailAt(code, head!.get),
      i32.load(head!.get, headAt.length),
      local,
    ),
  )
  return {
    param: 'i32',
    type: 'i32',
    take: (given) => given,
    direct: {
      param: 'externref',
      take: (given) => encode.call(given),
      isOther: (key) => i32.ltS(key, constant(0)),
    },
    hash: (key, local) => hash(constant(scratch + scratchAt.words), constant(scratch + scratchAt.tail), key, local),
    hashOfEntry: (head) => entryHash.call(head),
    matches(head, key) {
      const length = i32.xor(i32.load(head, headAt.length), key)
      const same = i32.eqz(i32.or(i32.or(length, differs(head, 0)), i32.or(differs(head, 1), differs(head, 2))))
      if (tail === undefined) return same
      return choose('i32', hasTail(key), choose('i32', same, tail.same.call(head, key), constant(0)), same)
    },
    store: (head, key) =>
      sequence(
        i32.store(head, headAt.length, key),
        ...[0, 1, 2].map((index) => i32.store(head, headAt.words + 4 * index, brought(index))),
        tail === undefined ? sequence() : when(hasTail(key), tail.copy.call(head, key)),
      ),
  }
}
