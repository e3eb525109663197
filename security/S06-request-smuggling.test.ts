import { ambiguousRequests, rawExchange, type StageProcess, statuses } from '@qps/testkit'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { hardenedWithOwn, start } from './variants.ts'

const behind = 'GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n'

describe.each(hardenedWithOwn('connections', 'messages'))('S6 request smuggling: $variant', (variant) => {
  let stage: StageProcess
  beforeAll(async () => void (stage = await start(variant)))
  afterAll(() => stage?.[Symbol.asyncDispose]())

  test('each ambiguous request is 400 and close, and nothing behind it is processed', async ({ expect }) => {
    for (const [name, bytes] of ambiguousRequests) {
      const { text, closed } = await rawExchange(stage.port, bytes + behind.repeat(2))
      expect({ name, statuses: statuses(text), closed }).toEqual({ name, statuses: [400], closed: 'end' })
    }
  })

  test('cut anywhere, the answer is the same', async ({ expect }) => {
    for (const [name, bytes] of ambiguousRequests) {
      const pieces = [...(bytes + behind)].reduce<string[]>(
        (cut, character, index) =>
          index % 7 === 0 ? [...cut, character] : [...cut.slice(0, -1), cut.at(-1)! + character],
        [],
      )
      const { text } = await rawExchange(stage.port, pieces)
      expect({ name, statuses: statuses(text) }).toEqual({ name, statuses: [400] })
    }
  })
})
