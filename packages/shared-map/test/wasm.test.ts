import { describe, expect, test } from 'vitest'
import {
  block,
  branch,
  branchIf,
  f64,
  giveBack,
  i32,
  i64,
  loop,
  sequence,
  signed,
  unsigned,
  when,
} from '../src/wasm/code.ts'
import { engine } from '../src/wasm/engine.ts'
import { Program } from '../src/wasm/program.ts'

const memory = new engine.Memory({ initial: 1, maximum: 1, shared: true })

describe('LEB128', () => {
  test.each([
    [0n, [0]],
    [63n, [0x3f]],
    [64n, [0xc0, 0]],
    [-1n, [0x7f]],
    [-64n, [0x40]],
    [-65n, [0xbf, 0x7f]],
    [624485n, [0xe5, 0x8e, 0x26]],
    [-123456n, [0xc0, 0xbb, 0x78]],
  ])('signed %i', (value, bytes) => expect(signed(value)).toEqual(bytes))

  test.each([
    [0, [0]],
    [127, [0x7f]],
    [128, [0x80, 1]],
    [624485, [0xe5, 0x8e, 0x26]],
    [2 ** 31, [0x80, 0x80, 0x80, 0x80, 8]],
  ])('unsigned %i', (value, bytes) => expect(unsigned(value)).toEqual(bytes))
})

test('loops, blocks, branches and calls do what the text format says', () => {
  const program = new Program()
  const calls = program.global('i32')
  const sum = program.define(['i32'], ['i32'], ([end], local) => {
    const [at, total] = [local('i32'), local('i32')]
    return sequence(
      calls.set(i32.add(calls.get, i32.const(1))),
      block((done) =>
        loop((again) =>
          sequence(
            branchIf(done, i32.geU(at.get, end!.get)),
            at.set(i32.add(at.get, i32.const(1))),
            when(i32.and(at.get, i32.const(1)), branch(again)),
            total.set(i32.add(total.get, at.get)),
            branch(again),
          ),
        ),
      ),
      total.get,
    )
  })
  const twice = program.define(['i32'], ['i32'], ([end]) => i32.add(sum.call(end!.get), sum.call(end!.get)))
  const sign = program.define(['f64'], ['i32'], ([value]) =>
    sequence(when(f64.le(value!.get, f64.const(-0.5)), giveBack(i32.const(-1)), giveBack(i32.const(1))), i32.const(0)),
  )
  program.export('twice', twice)
  program.export('sign', sign)
  program.export(
    'calls',
    program.define([], ['i32'], () => calls.get),
  )
  const exports = program.instantiate(memory)
  expect(exports['twice']!(10)).toBe(60)
  expect([exports['sign']!(-3), exports['sign']!(3)]).toEqual([-1, 1])
  expect(exports['calls']!()).toBe(2)
})

test('numbers of 64 bits go through memory in one piece', () => {
  const program = new Program()
  program.export(
    'swap',
    program.define(['i32', 'f64'], ['f64'], ([at, value], local) => {
      const before = local('i64')
      return sequence(
        before.set(i64.load(at!.get, 8)),
        i64.store(at!.get, 8, i64.reinterpretF64(value!.get)),
        f64.reinterpretI64(before.get),
      )
    }),
  )
  const { swap } = program.instantiate(memory)
  swap!(16, Math.PI)
  expect(new Float64Array(memory.buffer)[3]).toBe(Math.PI)
  expect(swap!(16, -0)).toBe(Math.PI)
  expect(swap!(16, 1)).toBe(-0)
  expect(() => swap!(17, 1)).toThrow('unaligned')
})
