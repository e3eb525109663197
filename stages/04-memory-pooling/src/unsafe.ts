import { json } from './item-route.ts'
import { writeItem } from './item-writer.ts'
import type { MakeAnswers } from './server.ts'

/** What the pool hands out: room, and how much of it is filled. */
interface AnswerBuffer {
  bytes: Uint8Array
  /** The fault is here. It says how much the longest answer of all times has filled, because nobody sets it back. */
  length: number
}

/**
 * NEVER USE. Shows what a pool does to whoever forgets to reset: the answer for a short item ends with the end of a longer
 * one, which somebody else has asked for. All items are public here; think of the same in front of letters or passwords.
 *
 * It is pooling as in the article (`Get`, use, `Put`), with the one line left out that the article rightly asks for.
 */
export const unsafe: MakeAnswers = (catalogue) => {
  const free: AnswerBuffer[] = []
  let bytesMax = 0
  for (let id = 1; id <= catalogue.count; id++) bytesMax = Math.max(bytesMax, catalogue.answerBytesMax(id))
  return {
    notes: { warning: "NEVER USE: it shows clients each other's answers, to show why buffers are reset" },
    answer: (id, _request, response) => {
      const buffer = free.pop() ?? { bytes: new Uint8Array(bytesMax), length: 0 }
      const end = writeItem(buffer.bytes, 0, catalogue, id)
      if (end > buffer.length) buffer.length = end
      response.writeHead(200, json).end(buffer.bytes.subarray(0, buffer.length))
      free.push(buffer)
    },
  }
}
