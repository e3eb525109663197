import type { Random } from '@qps/core'
import { goodRequests, refusedRequests } from './request-samples.ts'
import { bytesOf } from './request-reading.ts'

const corpus: readonly Uint8Array[] = [
  ...Object.values(goodRequests).map(([text]) => text),
  ...refusedRequests.map(([, , text]) => text),
].map(bytesOf)

/** What parsers stumble over. */
// prettier-ignore
const words: readonly Uint8Array[] = [
  '\r\n', '\r', '\n', '\r\n\r\n', ' ', '\t', ':', ';', ',', '=', '"', '\\', '?', '#', '@', '[', ']', '//', '*', '-',
  '\0', '\x7f', '\x80', '\xff', '0', '1', 'f', '16', '0x', '+', '1.0', '1.1', '2.0', '0.9', 'HTTP/1.1', 'HTTP/1.0',
  'GET', 'CONNECT', 'PRI', 'SOURCE', 'http://a', 'Host: b\r\n', 'Connection: close\r\n', 'Connection: keep-alive\r\n',
  'Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', 'Expect: 100-continue\r\n', 'Upgrade: h2c\r\n', 'upgrade',
  '3\r\nabc\r\n', '0\r\n', ';a=b', ';a="b"', ';=', 'chunked', 'close', 'keep-alive', '100-continue', 'identity, ',
  'X: 1\r\n'.repeat(9), 'x'.repeat(600), `X: ${'x'.repeat(980)}\r\n`, '0'.repeat(17), '9'.repeat(20), 'ffff',
].map(bytesOf)

const oneOf = <Item>(random: Random, items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!

/** A connection's bytes: one or two samples with up to five changes. */
export function mutatedInput(random: Random): Uint8Array {
  let bytes = oneOf(random, corpus)
  if (random() < 0.3) bytes = Buffer.concat([bytes, oneOf(random, corpus)])
  for (let changes = Math.floor(random() * 6); changes > 0; changes--) bytes = changed(bytes, random)
  return bytes
}

function changed(bytes: Uint8Array, random: Random): Uint8Array {
  const at = Math.floor(random() * (bytes.length + 1))
  const to = Math.min(bytes.length, at + 1 + Math.floor(random() ** 3 * 40))
  const replaced = (middle: Uint8Array, behind = to): Uint8Array =>
    Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(behind)])
  const other = oneOf(random, corpus)
  const otherAt = Math.floor(random() * other.length)
  switch (Math.floor(random() * 8)) {
    case 0:
      return replaced(Uint8Array.of((bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))), at + 1)
    case 1:
      return replaced(Uint8Array.of(Math.floor(random() * 256)), at + 1)
    case 2:
      return replaced(Uint8Array.of())
    case 3:
      return replaced(bytes.subarray(at, to), at)
    case 4:
      return replaced(other.subarray(otherAt, otherAt + to - at), at)
    case 5:
      return replaced(other.subarray(otherAt), bytes.length)
    default:
      return replaced(oneOf(random, words), random() < 0.7 ? at : to)
  }
}

/** Up to four positions in ascending order, or all of them. */
export function randomCuts(length: number, random: Random): number[] {
  if (random() < 0.1) return [...Array(length).keys()]
  const cuts = Array.from({ length: Math.floor(random() * 5) }, () => Math.floor(random() * (length + 1)))
  return cuts.toSorted((a, b) => a - b)
}
