import { type Code, i32, i64, sequence } from '../wasm/code.ts'
import type { Variable } from '../wasm/program.ts'
import { constant, type MapCode } from './map-program.ts'

/** The low half of 64 bits, as 64 bits. */
export const low = (value: Code): Code => i64.and(value, i64.const(0xffff_ffffn))
export const high = (value: Code): Code => i64.shrU(value, i64.const(32n))
export const secretOf = (code: MapCode, index: number): Code => i64.const(code.secret[index]!)
/** (a + x)(b + y): two 32-bit words of a key and two secret words of 64 bits. */
export const pair = (a: Code, x: Code, b: Code, y: Code): Code => i64.mul(i64.add(a, x), i64.add(b, y))

/**
 * The end of both hashes. The upper half of a pair-multiply-shift sum has the guarantee: for any two different keys, chosen
 * without knowledge of the secret, all pairs of values are equally likely, so that they meet with a probability of 2^-32 (row
 * S18). A bijection of 32 bits then breaks up the runs that regular keys make, and keeps that.
 *
 * Sources: Thorup, High Speed Hashing for Integers and Strings (2015), sections 3.3 and 3.5; Patrascu and Thorup, On the
 * k-Independence Required by Linear Probing and Minwise Independence (2010), for the runs.
 */
export function finish(sum: Variable, mixed: Variable): Code {
  return sequence(
    mixed.set(i32.wrapI64(high(sum.get))),
    mixed.set(i32.mul(i32.xor(mixed.get, i32.shrU(mixed.get, constant(16))), constant(0x85eb_ca6b))),
    mixed.set(i32.xor(mixed.get, i32.shrU(mixed.get, constant(13)))),
    i64.or(i64.shl(i64.extendI32U(mixed.get), i64.const(32n)), low(sum.get)),
  )
}
