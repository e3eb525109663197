/** How bytes become characters. `latin1` is one to one and what HTTP/1.1 heads are; `utf8` puts U+FFFD where bytes are not. */
export type TextEncoding = 'latin1' | 'utf8'

/**
 * Node's own decoders. They work on every Uint8Array and take the range as numbers: `TextDecoder` and `buffer.toString`
 * would want a view of exactly these bytes, which is one more object per string.
 */
const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string
  utf8Slice(this: Uint8Array, start: number, end: number): string
}

/** `bytes[start..end)` as characters U+0000 to U+00FF. A new string with memory of its own: it keeps no slab alive. */
export function latin1Text(bytes: Uint8Array, start: number, end: number): string {
  return start === end ? '' : latin1Slice.call(bytes, start, end)
}

/** `bytes[start..end)` as UTF-8. A new string with memory of its own: it keeps no slab alive. */
export function utf8Text(bytes: Uint8Array, start: number, end: number): string {
  return start === end ? '' : utf8Slice.call(bytes, start, end)
}
