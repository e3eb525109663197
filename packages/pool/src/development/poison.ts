/**
 * What idle bytes consist of in development. Not zero, so that a program which counts on zeroes shows itself; no ASCII, so
 * that it shows in a text; large, so that a length read out of it is refused.
 */
export const poisonByte = 0xdb
const poisonWord = 0xdbdb_dbdb

/** Overwrites all of it. */
export function poison(bytes: Uint8Array): void {
  bytes.fill(poisonByte)
}

/**
 * The position of the first byte that is not poison, or -1. Whoever writes the very byte is not seen.
 *
 * @param bytes begins at a multiple of 4 in its buffer and is a multiple of 4 long, as buffers of a pool are.
 */
export function firstForeign(bytes: Uint8Array): number {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  const word = words.findIndex((each) => each !== poisonWord)
  if (word < 0) return -1
  return bytes.findIndex((each, position) => position >= word * 4 && each !== poisonByte)
}
