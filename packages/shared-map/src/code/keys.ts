import { headAt, inlineBytes, scratchAt } from '../layout.ts'
import {
  block,
  branch,
  branchIf,
  choose,
  type Code,
  giveBack,
  i32,
  i64,
  loop,
  sequence,
  type ValueType,
  when,
} from '../wasm/code.ts'
import type { Declared, MakeLocal, Variable } from '../wasm/program.ts'
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
  /** The same for keys as the map's user has them; a negative length stands for a string that only JavaScript can encode. */
  readonly direct: { readonly param: ValueType; take(given: Code): Code; isOther?(key: Code): Code }
  /** 64 bits, of the key that the caller brought; in place, with locals of the function that it becomes a part of. */
  hash(key: Code, local: MakeLocal): Code
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

/** A string is its length and its words: three in the scratch and in the head, the others in the tails. */
function stringKeys(code: MapCode): KeyCode {
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

/**
 * `(string)`: its length, with its characters in the scratch, four to a word; or -1. Words behind the last up to the end of the
 * head's, and of a pair in the tail, become 0: they are hashed and compared with the others.
 */
function encodeCode({ program, scratch, shape }: MapCode): Declared {
  const lengthOf = program.stringBuiltin('length', ['externref'], ['i32'])
  const charCodeAt = program.stringBuiltin('charCodeAt', ['externref', 'i32'], ['i32'])
  return program.define(['externref'], ['i32'], ([key], local) => {
    const [length, index, at, seen] = [local('i32'), local('i32'), local('i32'), local('i32')]
    const [word, shift] = [local('i32'), local('i32')]
    const four = [local('i32'), local('i32'), local('i32'), local('i32')]
    const character = (offset: number): Code => charCodeAt.call(key!.get, i32.add(index.get, constant(offset)))
    const any = (codes: Code[]): Code => codes.reduce((left, right) => i32.or(left, right))
    const write = (value: Code): Code =>
      sequence(i32.privateStore(at.get, 0, value), at.set(i32.add(at.get, constant(4))))
    const wholeWords = block((rest) =>
      loop((again) =>
        sequence(
          branchIf(rest, i32.gtU(i32.add(index.get, constant(4)), length.get)),
          ...four.map((one, offset) => one.set(character(offset))),
          seen.set(any([seen.get, ...four.map((one) => one.get)])),
          write(any(four.map((one, offset) => i32.shl(one.get, constant(8 * offset))))),
          index.set(i32.add(index.get, constant(4))),
          branch(again),
        ),
      ),
    )
    const lastWord = when(
      i32.ltU(index.get, length.get),
      sequence(
        loop((again) =>
          sequence(
            four[0]!.set(character(0)),
            seen.set(i32.or(seen.get, four[0]!.get)),
            word.set(i32.or(word.get, i32.shl(four[0]!.get, shift.get))),
            shift.set(i32.add(shift.get, constant(8))),
            index.set(i32.add(index.get, constant(1))),
            branchIf(again, i32.ltU(index.get, length.get)),
          ),
        ),
        write(word.get),
      ),
    )
    const tail = constant(scratch + scratchAt.tail)
    const isFilled = i32.and(i32.geU(at.get, tail), i32.eqz(i32.and(i32.sub(at.get, tail), constant(4))))
    return sequence(
      length.set(lengthOf.call(key!.get)),
      when(i32.gtU(length.get, constant(shape.keyBytesMax)), giveBack(constant(-1))),
      at.set(constant(scratch + scratchAt.words)),
      wholeWords,
      lastWord,
      when(i32.gtU(seen.get, constant(0xff)), giveBack(constant(-1))),
      block((done) => loop((again) => sequence(branchIf(done, isFilled), write(constant(0)), branch(again)))),
      length.get,
    )
  })
}

/** Bytes of the key that stand in the tail, in whole pairs of words; at most 0 for a short key. */
const tailEnd = (length: Code): Code =>
  i32.and(i32.add(i32.sub(i32.and(length, constant(0xffff)), constant(inlineBytes)), constant(7)), constant(-8))
const hasTail = (length: Code): Code => i32.gtU(i32.and(length, constant(0xffff)), constant(inlineBytes))

/** What is done with the words behind the first three, by pairs. Only keys that have some come here. */
interface TailCode {
  /** `(tail, length)`: their part of the hash. */
  readonly sum: Declared
  /** `(head, length)`: whether an entry has those of the key that was brought. */
  readonly same: Declared
  /** `(head, length)`: gives them to an entry. */
  readonly copy: Declared
}

function tailCode(code: MapCode): TailCode {
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
