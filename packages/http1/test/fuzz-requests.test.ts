import { seededRandom } from '@qps/core'
import { describe, expect, test } from 'vitest'
import { difference, stricter } from './fuzz-compare.ts'
import { mutatedInput, randomCuts } from './fuzz-inputs.ts'
import { bytesOf } from './request-reading.ts'
import { goodRequests, refusedRequests } from './request-samples.ts'

describe('the same as the parser in node:http, or stricter for a reason', () => {
  const samples = [...Object.values(goodRequests).map(([text]) => text), ...refusedRequests.map(([, , text]) => text)]

  test.each(samples)('%j', (text) => expect(difference(bytesOf(text), [])).toBeUndefined())

  test('with each byte in each place of a request', () => {
    const request =
      'POST /a?b#c HTTP/1.1\r\nHost: a\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n1;a="b"\r\nc\r\n0\r\nY: 2\r\n\r\n'
    const bytes = bytesOf(request)
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
    expect(stricter.filter(({ why }) => !explained.has(why))).toEqual([])
  })
})
