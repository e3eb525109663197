import { setTimeout as sleep } from 'node:timers/promises'
import { type Handler, serve, type Serving } from '@qps/http1'
import { createRegistry } from '@qps/metrics'
import { rawExchange } from '@qps/testkit'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { baseline } from '../src/baseline.ts'
import { amountMax, Catalogue, type Goods } from '../src/catalogue.ts'
import { compiled } from '../src/compiled.ts'
import { naive } from '../src/naive.ts'
import { PooledAnswers } from '../src/pooled.ts'
import { itemHandler, type MakeAnswers } from '../src/server.ts'
import { zero } from '../src/zero.ts'

const context = { given: () => undefined, registry: createRegistry() }
const makers: Record<string, MakeAnswers> = {
  baseline,
  naive,
  compiled,
  // Its pool looks at every lease: what is used after its release throws, and what is not released is reported.
  pooled: (catalogue) => new PooledAnswers(catalogue, 1024 * 1024, 'development'),
  zero,
}

let handler: Handler
let serving: Serving
beforeAll(async () => {
  serving = await serve({ port: 0, reuseMessages: true }, (request, response) => handler(request, response))
})
afterAll(() => serving.drain())

/** The bodies of all items, asked for on one connection in one write. */
async function bodiesOf(catalogue: Catalogue, make: MakeAnswers): Promise<string[]> {
  const answers = make(catalogue, context)
  try {
    handler = itemHandler(catalogue, answers)
    const requests = Array.from({ length: catalogue.count }, (_, index) => {
      const close = index + 1 === catalogue.count ? 'Connection: close\r\n' : ''
      return `GET /items/${index + 1} HTTP/1.1\r\nHost: a\r\n${close}\r\n`
    })
    const { text } = await rawExchange(serving.port, requests.join(''), { timeoutMs: 10_000 })
    return contents(text)
  } finally {
    if (answers instanceof PooledAnswers) await allTaken(answers)
    answers[Symbol.dispose]?.()
  }
}

/** The client may have the last bytes a moment before the server knows that they were taken. */
async function allTaken(answers: PooledAnswers): Promise<void> {
  for (answers.tidy(); answers.lent > 0; answers.tidy()) await sleep(1)
}

/** The contents of answers that follow each other. */
function contents(text: string): string[] {
  const found: string[] = []
  for (let at = 0; at < text.length;) {
    const start = text.indexOf('\r\n\r\n', at) + 4
    const length = /\r\ncontent-length: (\d+)\r\n/.exec(text.slice(at, start))![1]
    at = start + Number(length)
    found.push(text.slice(start, at))
  }
  return found
}

/** Any text at all: lone surrogates, control characters, nothing, and more than the engine copies at once. */
const short = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...'"\\/\b\f\n\r\t\0\u001f\u007f\u2028é漢'), maxLength: 60 }),
)
const long = fc.string({ unit: 'binary', minLength: 1_500, maxLength: 3_000 })
const amount = fc.oneof(fc.constantFrom(0, 9, 10, amountMax), fc.integer({ min: 0, max: amountMax }))
const goods: fc.Arbitrary<Goods> = fc.record({
  title: short,
  description: fc.oneof(short, long),
  price: amount,
  stock: amount,
  tags: fc.array(short, { maxLength: 5 }),
})

test('any item is the same bytes in all variants: those of JSON.stringify', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(goods, { minLength: 1, maxLength: 6 }), async (list) => {
      const catalogue = new Catalogue(list)
      const expected = list.map(({ title, description, price, stock, tags }, index) =>
        Buffer.from(JSON.stringify({ id: index + 1, title, description, price, stock, tags })).toString('latin1'),
      )
      for (const [name, make] of Object.entries(makers)) {
        expect(await bodiesOf(catalogue, make), name).toEqual(expected)
      }
    }),
    { numRuns: 60 },
  )
})

test('a stock that changes stands in the next answer of every variant', async () => {
  const catalogue = Catalogue.seeded(1, 3)
  for (const [name, make] of Object.entries(makers)) {
    for (const stock of [0, 7, amountMax]) {
      catalogue.setStock(2, stock)
      const [first, second] = await bodiesOf(catalogue, make)
      expect(JSON.parse(Buffer.from(second!, 'latin1').toString()), name).toEqual(catalogue.item(2))
      expect(JSON.parse(second!), name).toMatchObject({ stock })
      expect(JSON.parse(first!), name).toMatchObject({ id: 1, stock: catalogue.stockOf(1) })
    }
  }
})
