import type { PreparedFields, Request, Response } from '@qps/http1'
import { describe, expect, test } from 'vitest'
import { Catalogue } from '../src/catalogue.ts'
import { PooledAnswers } from '../src/pooled.ts'
import { Output } from './output.ts'

const catalogue = Catalogue.seeded(1, 100)
const bytesMax = 64 * 1024

interface Answer {
  status: number
  lines: string
  body: string
}

/** Asks for an item. What is answered waits in `output`. */
function ask(answers: PooledAnswers, output: Output, id = 7): Answer {
  const answer = { status: 0, lines: '', body: '' }
  const response = {
    writeHead(status: number, { lines }: PreparedFields) {
      Object.assign(answer, { status, lines })
      return response
    },
    end(body: string | Uint8Array) {
      answer.body = typeof body === 'string' ? body : Buffer.from(body).toString()
      output.write(body.length)
    },
  }
  answers.answer(id, { connection: { output } } as unknown as Request, response as unknown as Response)
  return answer
}

describe('pooled answers', () => {
  test('are refused beyond the bound, with advice that differs, and given again when others were taken', () => {
    using answers = new PooledAnswers(catalogue, bytesMax)
    const output = new Output()
    const given = Array.from({ length: 200 }, () => ask(answers, output))
    const held = answers.lent
    expect(given.map(({ status }) => status)).toEqual(given.map((_, index) => (index < held ? 200 : 503)))
    expect(held).toBeGreaterThan(40)
    expect(held * catalogue.answerBytesMax(7)).toBeLessThanOrEqual(bytesMax)
    for (const { status, body } of given) {
      if (status === 200) expect(body).toBe(JSON.stringify(catalogue.item(7)))
      else expect(JSON.parse(body)).toMatchObject({ error: { code: 'overloaded' } })
    }
    const advice = given.flatMap(({ lines }) => /\r\nretry-after: ([1-5])\r\n$/.exec(lines)?.[1] ?? [])
    expect(advice).toHaveLength(200 - held)
    expect(new Set(advice).size).toBe(5)
    output.send()
    expect(ask(answers, output).status).toBe(200)
    output.send()
  })

  test('of one that reads are given, however many others do not', () => {
    using answers = new PooledAnswers(catalogue, 4 * bytesMax)
    const stuck = new Output()
    while (answers.lent < 40) expect(ask(answers, stuck).status).toBe(200)
    const reader = new Output()
    for (let index = 0; index < 1_000; index++) {
      expect(ask(answers, reader, 1 + (index % catalogue.count)).status).toBe(200)
      reader.send()
    }
    // Of two looks per request one finds something taken as soon as that is half of what is lent.
    expect(answers.lent).toBeLessThan(2 * 40 + 5)
    stuck.open = false
    answers.tidy()
    expect(answers.lent).toBe(0)
  })

  test('say on their page what is lent', async () => {
    using answers = new PooledAnswers(catalogue, bytesMax)
    const output = new Output()
    ask(answers, output)
    const { body } = await answers.pages!['/pool']!(new URLSearchParams(), new AbortController().signal)
    expect(JSON.parse(String(body))).toMatchObject({ bytesMax, lent: 1, held: 1, acquired: 1 })
    output.send()
  })
})
