import { methods } from '@qps/http-contract'

/** The longest method there is: what no request line's first word may exceed. */
export const methodBytesMax: number = Math.max(...methods.map((method) => method.length))

/** The index of CONNECT. */
export const connectMethod: number = methods.indexOf('CONNECT')

const get = methods.indexOf('GET')

/** By first byte: the methods that begin with it, as indices into `methods`. */
const candidates: readonly Uint8Array[] = Array.from({ length: 128 }, (_, first) =>
  Uint8Array.from(methods.keys().filter((index) => methods[index]!.charCodeAt(0) === first)),
)
const methodBytes: readonly Uint8Array[] = methods.map((method) => new TextEncoder().encode(method))

/** The index of a method in `methods` of @qps/http-contract, or -1. Methods are case-sensitive (RFC 9110 section 9.1). */
export function methodAt(bytes: Uint8Array, start: number, end: number): number {
  // Most requests are this one.
  if (end - start === 3 && bytes[start] === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54) return get
  const among = candidates[bytes[start]! & 127]!
  for (let index = 0; index < among.length; index++) {
    const method = among[index]!
    if (equals(bytes, start, end, methodBytes[method]!)) return method
  }
  return -1
}

function equals(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start !== word.length) return false
  for (let index = 0; index < word.length; index++) if (bytes[start + index] !== word[index]) return false
  return true
}
