/** Paths short enough to be remembered. */
const rememberedBytesMax = 64

/** Bytes as characters of Latin-1. */
export const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.prototype.latin1Slice.call(bytes, start, end)

/**
 * The strings of paths that were asked for lately: the same few come again and again, and one that is
 * there need not be made anew. Direct-mapped and bounded; a path that is not there is decoded, and takes a place of another.
 */
export class PathNames {
  readonly #names: string[] = Array.from({ length: 256 }, () => '')

  of(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start
    if (length === 1) return '/'
    if (length > rememberedBytesMax) return latin1(bytes, start, end)
    let hash = length
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0
    const place = (hash ^ (hash >>> 8)) & 255
    const name = this.#names[place]!
    if (name.length === length) {
      let index = 0
      while (index < length && name.charCodeAt(index) === bytes[start + index]) index++
      if (index === length) return name
    }
    return (this.#names[place] = latin1(bytes, start, end))
  }
}
