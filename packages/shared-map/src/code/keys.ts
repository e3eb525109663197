import { headAt, inlineBytes, scratchAt } from '../layout.ts'
import { block, branchIf, type Code, giveBack, i32, i64, loop, sequence, type ValueType, when } from '../wasm/code.ts'
import type { Declared, Variable } from '../wasm/program.ts'
import { tailAt } from './addresses.ts'
import { constant, type MapCode } from './map-program.ts'

/** What differs with the form of the keys. */
export interface KeyCode {
  /** What the exported functions take. */
  readonly param: ValueType
  /** What the others hand on. */
  readonly type: ValueType
  /** From the one to the other. */
  take(given: Code): Code
  /** 64 bits, of the key that the caller brought. */
  hash(key: Code): Code
  hashOfEntry(head: Code): Code
  /** 1 where the entry has this key. */
  matches(head: Code, key: Code): Code
  store(head: Code, key: Code): Code
}

export const keyCode = (code: MapCode): KeyCode => (code.keys === 'string' ? stringKeys(code) : integerKeys(code))

/** The low half of 64 bits, as 64 bits. */
const low = (value: Code): Code => i64.and(value, i64.const(0xffff_ffffn))
const high = (value: Code): Code => i64.shrU(value, i64.const(32n))
const secretOf = (code: MapCode, index: number): Code => i64.const(code.secret[index]!)
/** (a + x)(b + y): two 32-bit words of a key and two secret words of 64 bits. */
const pair = (a: Code, x: Code, b: Code, y: Code): Code => i64.mul(i64.add(a, x), i64.add(b, y))

/**
 * The end of both hashes. The upper half of a pair-multiply-shift sum has the guarantee: for any two different keys, chosen
 * without knowledge of the secret, all pairs of values are equally likely, so that they meet with a probability of 2^-32 (row
 * S18). A bijection of 32 bits then breaks up the runs that regular keys make, and keeps that.
 *
 * Sources: Thorup, High Speed Hashing for Integers and Strings (2015), sections 3.3 and 3.5; Patrascu and Thorup, On the
 * k-Independence Required by Linear Probing and Minwise Independence (2010), for the runs.
 */
function finish(sum: Variable, mixed: Variable): Code {
  return sequence(
    mixed.set(i32.wrapI64(high(sum.get))),
    mixed.set(i32.mul(i32.xor(mixed.get, i32.shrU(mixed.get, constant(16))), constant(0x85eb_ca6b))),
    mixed.set(i32.xor(mixed.get, i32.shrU(mixed.get, constant(13)))),
    i64.or(i64.shl(i64.extendI32U(mixed.get), i64.const(32n)), low(sum.get)),
  )
}

function integerKeys(code: MapCode): KeyCode {
  const hash = code.program.define(['i64'], ['i64'], ([key], local) => {
    const [sum, mixed] = [local('i64'), local('i32')]
    const product = pair(secretOf(code, 1), high(key!.get), secretOf(code, 0), low(key!.get))
    return sequence(sum.set(i64.add(secretOf(code, 2), product)), finish(sum, mixed))
  })
  return {
    param: 'f64',
    type: 'i64',
    take: i64.truncF64,
    hash: (key) => hash.call(key),
    hashOfEntry: (head) => hash.call(i64.load(head, headAt.integer)),
    matches: (head, key) => i64.eq(i64.load(head, headAt.integer), key),
    store: (head, key) => i64.store(head, headAt.integer, key),
  }
}

/** A string is its length and its words: three in the scratch and in the head, the others in the tails. */
function stringKeys(code: MapCode): KeyCode {
  const { scratch, layout } = code
  const hash = stringHash(code)
  const compare = layout.tailBytes > 0 ? tailComparison(code) : undefined
  const copy = layout.tailBytes > 0 ? tailCopy(code) : undefined
  const brought = (index: number): Code => i32.privateLoad(constant(scratch), scratchAt.words + 4 * index)
  const differs = (head: Code, index: number): Code => i32.xor(i32.load(head, headAt.words + 4 * index), brought(index))
  return {
    param: 'i32',
    type: 'i32',
    take: (given) => given,
    hash: (key) => hash.call(constant(scratch + scratchAt.words), constant(scratch + scratchAt.tail), key),
    hashOfEntry: (head) =>
      hash.call(i32.add(head, constant(headAt.words)), tailAt(code, head), i32.load(head, headAt.length)),
    matches(head, key) {
      const length = i32.xor(i32.load(head, headAt.length), key)
      const words = i32.or(i32.or(length, differs(head, 0)), i32.or(differs(head, 1), differs(head, 2)))
      return compare === undefined ? i32.eqz(words) : compare.call(words, head, key)
    },
    store: (head, key) =>
      sequence(
        i32.store(head, headAt.length, key),
        ...[0, 1, 2].map((index) => i32.store(head, headAt.words + 4 * index, brought(index))),
        ...(copy === undefined ? [] : [copy.call(head, key)]),
      ),
  }
}

/** Bytes of the key that stand in the tail, in whole pairs of words; at most 0 for a short key. */
const tailEnd = (length: Code): Code =>
  i32.and(i32.add(i32.sub(i32.and(length, constant(0xffff)), constant(inlineBytes)), constant(7)), constant(-8))
const hasTail = (length: Code): Code => i32.gtU(i32.and(length, constant(0xffff)), constant(inlineBytes))

/** `(words, tail, length)`: where the first three words are, and the others. */
function stringHash(code: MapCode): Declared {
  return code.program.define(['i32', 'i32', 'i32'], ['i64'], ([words, tail, length], local) => {
    const [sum, mixed, at, end] = [local('i64'), local('i32'), local('i32'), local('i32')]
    const word = (index: number): Code => i64.extendI32U(i32.privateLoad(words!.get, 4 * index))
    const secretAt = i32.add(constant(code.layout.secret + 40), i32.shl(at.get, constant(1)))
    const both = i64.privateLoad(i32.add(tail!.get, at.get), 0)
    const tailPair = pair(i64.privateLoad(secretAt, 0), high(both), i64.privateLoad(secretAt, 8), low(both))
    return sequence(
      sum.set(i64.add(secretOf(code, 4), pair(secretOf(code, 1), word(1), secretOf(code, 0), word(0)))),
      sum.set(i64.add(sum.get, pair(secretOf(code, 3), i64.extendI32U(length!.get), secretOf(code, 2), word(2)))),
      when(
        hasTail(length!.get),
        sequence(
          end.set(tailEnd(length!.get)),
          loop((again) =>
            sequence(
              sum.set(i64.add(sum.get, tailPair)),
              at.set(i32.add(at.get, constant(8))),
              branchIf(again, i32.ltU(at.get, end.get)),
            ),
          ),
        ),
      ),
      finish(sum, mixed),
    )
  })
}

/** `(differences, head, length)`: 1 where there are none so far, and none in the tail. */
function tailComparison(code: MapCode): Declared {
  return code.program.define(['i32', 'i32', 'i32'], ['i32'], ([differences, head, length], local) => {
    const [tail, at, end] = [local('i32'), local('i32'), local('i32')]
    const brought = i64.privateLoad(i32.add(constant(code.scratch), at.get), scratchAt.tail)
    return sequence(
      when(differences!.get, giveBack(constant(0))),
      block((same) =>
        sequence(
          branchIf(same, i32.eqz(hasTail(length!.get))),
          tail.set(tailAt(code, head!.get)),
          end.set(tailEnd(length!.get)),
          loop((again) =>
            sequence(
              when(i64.ne(i64.load(i32.add(tail.get, at.get), 0), brought), giveBack(constant(0))),
              at.set(i32.add(at.get, constant(8))),
              branchIf(again, i32.ltU(at.get, end.get)),
            ),
          ),
        ),
      ),
      constant(1),
    )
  })
}

function tailCopy(code: MapCode): Declared {
  return code.program.define(['i32', 'i32'], [], ([head, length], local) => {
    const [tail, at, end] = [local('i32'), local('i32'), local('i32')]
    const brought = i64.privateLoad(i32.add(constant(code.scratch), at.get), scratchAt.tail)
    return when(
      hasTail(length!.get),
      sequence(
        tail.set(tailAt(code, head!.get)),
        end.set(tailEnd(length!.get)),
        loop((again) =>
          sequence(
            i64.store(i32.add(tail.get, at.get), 0, brought),
            at.set(i32.add(at.get, constant(8))),
            branchIf(again, i32.ltU(at.get, end.get)),
          ),
        ),
      ),
    )
  })
}
