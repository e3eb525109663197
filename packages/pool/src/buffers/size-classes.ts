import { checkInteger, QpsError } from '@qps/core'

/** No class is larger. */
export const classBytesMax: number = 2 ** 30

/**
 * Sizes that lie close enough together: multiples of `bytesMin`, and above `stepsPerDoubling` times that, so many to each
 * doubling. With 4 of them less than a fifth of a buffer is beyond what was asked for, or less than `bytesMin` bytes are.
 *
 * @param bytesMin the smallest, a power of two. Default 64.
 * @param bytesMax none is larger, at least `bytesMin`. Default 1 MiB.
 * @param stepsPerDoubling a power of two. Default 4; 1 makes powers of two, which waste up to half.
 * @throws QpsError QPS_OPTION
 * @example sizeClasses(64, 640) // [64, 128, 192, 256, 320, 384, 448, 512, 640]
 */
export function sizeClasses(bytesMin = 64, bytesMax: number = 2 ** 20, stepsPerDoubling = 4): number[] {
  checkPowerOfTwo('bytesMin', bytesMin)
  checkPowerOfTwo('stepsPerDoubling', stepsPerDoubling)
  checkInteger('bytesMax', bytesMax, { min: bytesMin, max: classBytesMax })
  const sizes: number[] = []
  for (let size = bytesMin; size <= bytesMax;) {
    sizes.push(size)
    size += Math.max(bytesMin, 2 ** Math.floor(Math.log2(size)) / stepsPerDoubling)
  }
  return sizes
}

/** @throws QpsError QPS_OPTION */
export function checkPowerOfTwo(name: string, value: number): number {
  checkInteger(name, value, { min: 1, max: classBytesMax })
  if ((value & (value - 1)) === 0) return value
  throw new QpsError('QPS_OPTION', `${name} must be a power of two, not ${value}`)
}

/** Finds the class of a size: a table by the number of bits leads near it, a few steps up lead to it. */
export class SizeTable {
  readonly sizes: readonly number[]
  readonly #largest: number
  readonly #first: readonly number[]

  /** @param sizes in ascending order. */
  constructor(sizes: readonly number[]) {
    this.sizes = sizes
    this.#largest = sizes.at(-1)!
    this.#first = Array.from({ length: 33 }, (_, bits) => {
      const bytesMin = bits === 0 ? 0 : 2 ** (bits - 1)
      return sizes.findIndex((size) => size >= bytesMin)
    })
  }

  /**
   * The position of the smallest size that is at least `bytes`. O(classes per doubling).
   *
   * @throws QpsError QPS_OPTION where `bytes` is no whole number from 0 to the largest size.
   */
  indexOf(bytes: number): number {
    if (bytes >>> 0 !== bytes || bytes > this.#largest) checkInteger('bytes', bytes, { min: 0, max: this.#largest })
    let index = this.#first[32 - Math.clz32(bytes)]!
    while (this.sizes[index]! < bytes) index++
    return index
  }
}
