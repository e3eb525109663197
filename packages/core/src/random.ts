/** A source of uniform numbers in [0, 1). `Math.random` is one; {@link seededRandom} makes repeatable ones. */
export type Random = () => number

/**
 * A repeatable generator: the same seed gives the same sequence on every machine. Period 2^128 - 1; not for secrets.
 *
 * @param seed any 32-bit integer; others are truncated.
 * @returns uniform numbers in [0, 1) with 32 random bits.
 * Source: Blackman and Vigna, xoshiro128** (2018), seeded by splitmix32.
 */
export function seededRandom(seed: number): Random {
  let mix = seed | 0
  const next32 = (): number => {
    mix = (mix + 0x9e3779b9) | 0
    let z = mix ^ (mix >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return z ^ (z >>> 15)
  }
  let a = next32()
  let b = next32()
  let c = next32()
  let d = next32()
  return () => {
    const scrambled = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotateLeft(d, 11)
    return scrambled / 2 ** 32
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

/**
 * Numbers in [0, 1) with 32 bits from the operating system's source of secrets.
 *
 * `Math.random` would do for anything but a secret: whoever sees enough of its numbers, in identifiers for instance, can
 * calculate the ones before, and with them the seed of a hash table.
 */
export const secretRandom: Random = () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32

/** An exponentially distributed number with this mean: the gap between two arrivals of a Poisson process. */
export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean
}
