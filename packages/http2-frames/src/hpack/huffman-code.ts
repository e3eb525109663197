/** The end of a string as a symbol: never sent, but its first bits are the padding. */
export const endOfString = 256

/**
 * How many bits each symbol has: 256 bytes and the end of a string. RFC 7541, appendix B. The code is canonical, so that
 * the lengths are all there is to know: codes count upwards, shorter ones first, equally long ones in the symbols' order.
 */
const lengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
]

/** Bits of each symbol's code, 5..30; the index is the symbol. */
export const codeLengths: Uint8Array = Uint8Array.from(lengths)

/** Each symbol's code, in the low bits. */
export const codes: Uint32Array = canonicalCodes(codeLengths)

function canonicalCodes(lengths: Uint8Array): Uint32Array {
  const ordered = Array.from(lengths, (_, symbol) => symbol).toSorted(
    (one, other) => lengths[one]! - lengths[other]! || one - other,
  )
  const found = new Uint32Array(lengths.length)
  let [code, bits] = [-1, lengths[ordered[0]!]!]
  for (const symbol of ordered) {
    code = (code + 1) * 2 ** (lengths[symbol]! - bits)
    bits = lengths[symbol]!
    found[symbol] = code
  }
  return found
}
