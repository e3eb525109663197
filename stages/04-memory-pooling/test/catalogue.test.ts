import { describe, expect, test } from 'vitest'
import { amountMax, Catalogue, shopCatalogue } from '../src/catalogue.ts'
import { malformedId, parseItemId, parseItemPath } from '../src/item-id.ts'

const goods = { title: 'a "b"', description: 'c', price: 1, stock: 2, tags: ['x', 'y', 'x'] }

describe('a catalogue', () => {
  test('is the same for the same seed, and another for another', () => {
    const texts = [1, 1, 2].map((seed) => {
      const catalogue = Catalogue.seeded(seed, 50)
      return JSON.stringify(Array.from({ length: 50 }, (_, index) => catalogue.item(index + 1)))
    })
    expect(texts[0]).toBe(texts[1])
    expect(texts[0]).not.toBe(texts[2])
  })

  test('of the shop has answers of about 1 KB, none of which is another one', () => {
    const catalogue = shopCatalogue()
    expect(catalogue.count).toBe(10_000)
    const answers = Array.from({ length: catalogue.count }, (_, index) => JSON.stringify(catalogue.item(index + 1)))
    const bytes = answers.map((answer) => Buffer.byteLength(answer))
    expect(Math.min(...bytes)).toBeGreaterThan(900)
    expect(Math.max(...bytes)).toBeLessThan(1_300)
    expect(new Set(answers.map((answer) => answer.slice(answer.indexOf('description')))).size).toBe(catalogue.count)
  })

  test('of the shop has titles that JSON must escape, and characters of every length', () => {
    const catalogue = shopCatalogue()
    const titles = Array.from({ length: 64 }, (_, index) => catalogue.titleOf(index + 1)).join('')
    for (const part of ['"', '\\', '\n', '\t', '\0', '\u001f', '\u007f', 'é', 'Ε', '木', '🪑', '\u2028']) {
      expect(titles).toContain(part)
    }
  })

  test('gives its items as they were put in, tags in order and as often', () => {
    const catalogue = new Catalogue([goods, { ...goods, tags: [] }, { ...goods, tags: ['y'] }])
    expect(catalogue.item(1)).toEqual({ id: 1, ...goods })
    expect(catalogue.item(2)!.tags).toEqual([])
    expect([catalogue.tagCountOf(3), catalogue.tagOf(3, 0)]).toEqual([1, 'y'])
  })

  test.each([0, 4, -1, 1.5, NaN, Infinity, 2 ** 32 + 1])('has no item %s', (id) => {
    const catalogue = Catalogue.seeded(1, 3)
    expect(catalogue.has(id)).toBe(false)
    expect(catalogue.item(id)).toBeUndefined()
  })

  test('answerBytesMax is enough for every stock, and hardly too much', () => {
    const catalogue = Catalogue.seeded(3, 16)
    for (let id = 1; id <= catalogue.count; id++) {
      for (const stock of [0, 12, amountMax]) {
        catalogue.setStock(id, stock)
        const spare = catalogue.answerBytesMax(id) - Buffer.byteLength(JSON.stringify(catalogue.item(id)))
        expect(spare).toBeGreaterThanOrEqual(0)
        expect(spare).toBeLessThan(10)
      }
    }
  })

  test('says what is wrong with an amount, an id or a count', () => {
    const catalogue = Catalogue.seeded(1, 3)
    expect(() => catalogue.setStock(1, -1)).toThrow('stock must be a whole number from 0 to 4294967295, not -1')
    expect(() => catalogue.setStock(1, 2 ** 32)).toThrow('stock must be')
    expect(() => catalogue.setStock(4, 1)).toThrow('id must be a whole number from 1 to 3, not 4')
    expect(() => new Catalogue([{ ...goods, price: 0.5 }])).toThrow('price must be')
    expect(() => Catalogue.seeded(1, -1)).toThrow('count must be')
    expect(catalogue.stockOf(1)).toBe(Catalogue.seeded(1, 3).stockOf(1))
  })

  test('may be empty', () => {
    expect(Catalogue.seeded(1, 0).item(1)).toBeUndefined()
  })
})

test.each([
  ['0', 0],
  ['7', 7],
  ['10000', 10_000],
  ['9999999999', 9_999_999_999],
  ['', malformedId],
  ['01', malformedId],
  ['12345678901', malformedId],
  ['7 ', malformedId],
  ['7\n', malformedId],
  ['-7', malformedId],
  ['/', malformedId],
  [':', malformedId],
  ['٧', malformedId],
])('the id %j is %i', (text, id) => {
  expect(parseItemId(text)).toBe(id)
  const path = Buffer.from(`GET /items/${text} HTTP/1.1`)
  expect(parseItemPath(path, 4, path.length - 9)).toBe(id)
})

test.each(['/items', '/items/', '/item/7', '/itemss/7', '/items/7/', '/items/7/8', '/Items/7', '/'])(
  'the path %j has no id',
  (path) => expect(parseItemPath(Buffer.from(path), 0, path.length)).toBe(malformedId),
)
