/** What a view has, and what it keeps from being collected. */
export interface Retention {
  /** Bytes of the view itself. */
  bytes: number
  /** Bytes of the memory that it lies in, all of which stays as long as the view does. */
  keptBytes: number
  /** The one divided by the other, 0..1; 1 for memory of length 0. */
  share: number
}

/**
 * What a view keeps alive. The collector knows a buffer as a whole: of a slab of 64 KiB, ten bytes that somebody still looks
 * at keep 64 KiB. `Buffer.from`, `Buffer.concat` and `Buffer.allocUnsafe` cut small buffers from such a slab unasked.
 *
 * @example retention(Buffer.from('ten bytes!')).keptBytes // at least Buffer.poolSize
 */
export function retention(view: ArrayBufferView): Retention {
  const bytes = view.byteLength
  const keptBytes = view.buffer.byteLength
  return { bytes, keptBytes, share: keptBytes === 0 ? 1 : bytes / keptBytes }
}

/** A copy with memory of exactly its own length: the slab can go, or be used again. */
export function detach(view: Uint8Array): Uint8Array {
  // Not `slice`: of a Buffer it is another view of the same memory.
  return new Uint8Array(view)
}

const notLatin1 = /[\u0100-\uffff]/

/**
 * A copy of a string with characters of its own.
 *
 * V8 copies the characters of a short substring; from 13 on it makes a slice, which is a pointer into the parent: an
 * identifier cut out of a megabyte of JSON keeps the megabyte. Nothing in the language shows which of the two a string is,
 * and nothing in it promises a copy; decoding bytes does make one. Linear.
 *
 * @returns an equal string, halves of surrogate pairs included.
 * Source: V8, `SlicedString::kMinLength` in src/objects/string.h.
 */
export function detachText(text: string): string {
  // One byte per character where that is possible, as V8 itself does it.
  const encoding = notLatin1.test(text) ? 'utf16le' : 'latin1'
  return Buffer.from(text, encoding).toString(encoding)
}
