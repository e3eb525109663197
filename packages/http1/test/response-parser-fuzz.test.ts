import { type Random, seededRandom } from '@qps/core'
import { describe, expect, test } from 'vitest'
import { randomCuts } from './fuzz-inputs.ts'
import { difference, stricter } from './response-parser-fuzz.ts'
import { bytesOf } from './response-parser-reading.ts'
import { goodResponses, refusedResponses } from './response-parser-samples.ts'

const samples = [...Object.values(goodResponses).map(([text]) => text), ...refusedResponses.map(([, , text]) => text)]
const corpus = samples.map(bytesOf)

// prettier-ignore
const words = [
  '\r\n', '\r', '\n', '\r\n\r\n', ' ', '\t', ':', ';', ',', '=', '"', '\\', '\0', '\x7f', '\x80', '\xff', '0', '1', 'f',
  '16', '+', '1.0', '1.1', '2.0', 'HTTP/1.1', 'HTTP/1.0', ' 100', ' 101', ' 204', ' 304', ' 99', ' 1000', ' 042',
  'Connection: close\r\n', 'Connection: keep-alive\r\n', 'Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n',
  'Upgrade: h2c\r\n', '3\r\nabc\r\n', '0\r\n', ';a=b', ';a="b"', ';=', 'chunked', 'identity, ', 'X: 1\r\n'.repeat(9),
  'x'.repeat(600), `X: ${'x'.repeat(980)}\r\n`, '0'.repeat(17), '9'.repeat(20), 'ffff', 'x'.repeat(4100),
].map(bytesOf)

const oneOf = <Item>(random: Random, items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!

function mutatedInput(random: Random): Uint8Array {
  let bytes = oneOf(random, corpus)
  if (random() < 0.3) bytes = Buffer.concat([bytes, oneOf(random, corpus)])
  for (let changes = Math.floor(random() * 6); changes > 0; changes--) {
    const at = Math.floor(random() * (bytes.length + 1))
    const to = Math.min(bytes.length, at + Math.floor(random() ** 3 * 40))
    const middle =
      random() < 0.3
        ? Uint8Array.of(Math.floor(random() * 256))
        : random() < 0.2
          ? oneOf(random, corpus).subarray(at % 60)
          : random() < 0.2
            ? new Uint8Array(0)
            : oneOf(random, words)
    bytes = Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(random() < 0.7 ? at : to)])
  }
  return bytes
}

describe('the same as the parser of responses in node:http, or stricter for a reason', () => {
  test.each(samples)('%j', (text) => expect(difference(bytesOf(text), [])).toBeUndefined())

  test('with each byte in each place of a response', () => {
    const bytes = bytesOf(
      'HTTP/1.1 200 OK\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n1;a="b"\r\nc\r\n0\r\nY: 2\r\n\r\n',
    )
    for (let at = 0; at < bytes.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const input = Uint8Array.from(bytes)
        input[at] = byte
        const found = difference(input, [])
        // Some ten thousand times: what is right is not worth a sentence.
        if (found !== undefined) expect.fail(`byte ${byte} at ${at}: ${found}`)
      }
    }
  })

  test('mutated, and every deliberate difference occurs', () => {
    const random = seededRandom(1)
    const explained = new Map<string, number>()
    const isExplained = (): boolean => stricter.every(({ why }) => explained.has(why))
    for (let count = 0; count < 8_000 || (count < 40_000 && !isExplained()); count++) {
      const input = mutatedInput(random)
      const found = difference(input, randomCuts(input.length, random), explained)
      if (found !== undefined) expect.fail(`${found}: ${JSON.stringify(Buffer.from(input).toString('latin1'))}`)
    }
    expect(stricter.filter(({ why }) => !explained.has(why)).map(({ why }) => why)).toEqual([])
  })
})
