/**
 * HalfSipHash-1-3 of `bytes[start..end)`: 32 bits that nobody can predict who does not know the key.
 *
 * Why not the usual `hash * 31 + byte`: its collisions are the same whatever it starts from, so that a list of a hundred
 * thousand strings with one hash can be bought once and sent to everybody. Here two strings collide under one key and not
 * under the next. SipHash itself works on 64-bit words, which JavaScript has as bigints only; its half works on 32-bit
 * words, for hash tables and nothing else: 32 bits are no signature.
 *
 * Linear, one round per four bytes and four more; allocates nothing.
 *
 * @param key0 32 secret bits. @param key1 32 more.
 * @returns a signed 32-bit integer.
 * Sources: Aumasson and Bernstein, SipHash: a fast short-input PRF (2012), with the authors' reference code for the half;
 * Linux, Documentation/security/siphash.rst, which uses it in the same place.
 */
export function keyedHash(bytes: Uint8Array, start: number, end: number, key0: number, key1: number): number {
  let v0 = key0
  let v1 = key1
  let v2 = key0 ^ 0x6c796765
  let v3 = key1 ^ 0x74656462
  const wholeEnd = end - ((end - start) & 3)
  let at = start
  // One round per whole word, one for the last bytes with the length, three that mix what is there.
  for (let left = (wholeEnd - start) / 4 + 4; left > 0; left--) {
    let word = 0
    if (left > 4) {
      word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
      at += 4
    } else if (left === 4) word = lastWord(bytes, start, wholeEnd, end)
    else if (left === 3) v2 ^= 0xff
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  return v1 ^ v3
}

/** The bytes that fill no word, and the length in the top byte: "a" and "a\0" are different texts. */
function lastWord(bytes: Uint8Array, start: number, wholeEnd: number, end: number): number {
  let word = (end - start) << 24
  for (let at = wholeEnd; at < end; at++) word |= bytes[at]! << (8 * (at - wholeEnd))
  return word
}
