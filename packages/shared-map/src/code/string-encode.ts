import { scratchAt } from '../layout.ts'
import { block, branch, branchIf, type Code, giveBack, i32, loop, sequence, when } from '../wasm/code.ts'
import type { Declared } from '../wasm/program.ts'
import { constant, type MapCode } from './map-program.ts'

/**
 * `(string)`: its length, with its characters in the scratch, four to a word; or -1. Words behind the last up to the end of the
 * head's, and of a pair in the tail, become 0: they are hashed and compared with the others.
 */
export function encodeCode({ program, scratch, shape }: MapCode): Declared {
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
