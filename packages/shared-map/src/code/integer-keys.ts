import { headAt } from '../layout.ts'
import { type Code, i64, sequence } from '../wasm/code.ts'
import type { MakeLocal } from '../wasm/program.ts'
import { finish, high, low, pair, secretOf } from './hash.ts'
import type { KeyCode } from './keys.ts'
import type { MapCode } from './map-program.ts'

/** A safe integer comes as a number, and is one word of 64 bits. */
export function integerKeys(code: MapCode): KeyCode {
  const hash = (key: Code, local: MakeLocal): Code => {
    const sum = local('i64')
    const product = pair(secretOf(code, 1), high(key), secretOf(code, 0), low(key))
    return sequence(sum.set(i64.add(secretOf(code, 2), product)), finish(sum, local('i32')))
  }
  const entryHash = code.program.define(['i64'], ['i64'], ([key], local) => hash(key!.get, local))
  return {
    param: 'f64',
    type: 'i64',
    take: i64.truncF64,
    direct: { param: 'f64', take: i64.truncF64 },
    hash,
    hashOfEntry: (head) => entryHash.call(i64.load(head, headAt.integer)),
    matches: (head, key) => i64.eq(i64.load(head, headAt.integer), key),
    store: (head, key) => i64.store(head, headAt.integer, key),
  }
}
