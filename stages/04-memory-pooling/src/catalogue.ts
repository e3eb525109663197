import { checkInteger, QpsError } from '@qps/core'
import { seededGoods } from './goods.ts'

export interface Item {
  /** 1 to the catalogue's `count`. */
  id: number
  title: string
  description: string
  /** In cents. */
  price: number
  /** How many are left. */
  stock: number
  tags: string[]
}

/** An item before it stands in a catalogue, whose place is its id. */
export type Goods = Omit<Item, 'id'>

/** Items of one catalogue; each holds about 1 KB of text. */
export const itemsMax = 1_000_000
/** Prices and stocks are 32 bits each. */
export const amountMax: number = 2 ** 32 - 1
/** One item as JSON, in bytes: a buffer of any pool holds it. */
export const itemBytesMax: number = 64 * 1024
/** Digits of `amountMax`. */
const amountDigitsMax = 10

/** What `shopCatalogue` has: enough for a load to meet more than a cache would hold, little enough to be made in a moment. */
const shopItems = 10_000
const shopSeed = 4

/** The catalogue that every variant serves: the same seed, so the same bytes. */
export function shopCatalogue(): Catalogue {
  return Catalogue.seeded(shopSeed, shopItems)
}

/**
 * Items as columns: a property of all items lies side by side. The numbers of ten thousand items are five arrays, the texts
 * are made once and stay, and to read one property makes no object at all.
 *
 *                  id 1      id 2      id 3
 *     prices     [ 1999    | 450     | 12000   | …   4 bytes each
 *     stocks     [ 12      | 0       | 7       | …   4 bytes each, the only column that changes
 *     titles     [ "…"     | "…"     | "…"     | …
 *     tag lists  [ 0       | 3       | 7       | …   where an item's tags begin
 *     tags       [ 4 1 9   | 0 2 5 8 | 3 …           numbers of names
 *
 * `stock` may change at any moment, so no whole answer can be kept.
 *
 * @example
 * const catalogue = Catalogue.seeded(1, 100)
 * catalogue.setStock(7, 3)
 * catalogue.item(7) // { id: 7, title: …, stock: 3, tags: [ … ] }
 */
export class Catalogue {
  readonly count: number
  readonly #titles: readonly string[]
  readonly #descriptions: readonly string[]
  readonly #prices: Uint32Array
  readonly #stocks: Uint32Array
  /** Each name once. */
  readonly #tagNames: readonly string[]
  /** Places in `#tagNames`, item after item. */
  readonly #tags: Uint32Array
  /** Where each item's begin; one more at the end. */
  readonly #tagStarts: Uint32Array
  readonly #answerBytesMax: Uint32Array

  /**
   * @param goods in the order of their ids, 1 first; at most `itemsMax`.
   * @throws QpsError QPS_OPTION for a price or stock that is not a whole number from 0 to `amountMax`, QPS_USAGE for more items, or
   * one that takes more than `itemBytesMax` as JSON.
   */
  constructor(goods: readonly Goods[]) {
    if (goods.length > itemsMax) {
      throw new QpsError('QPS_USAGE', `a catalogue has at most ${itemsMax} items, not ${goods.length}`, {
        hint: 'serve them from several processes, or raise itemsMax',
      })
    }
    this.count = goods.length
    this.#titles = goods.map(({ title }) => title)
    this.#descriptions = goods.map(({ description }) => description)
    this.#prices = Uint32Array.from(goods, ({ price }) => checkAmount('price', price))
    this.#stocks = Uint32Array.from(goods, ({ stock }) => checkAmount('stock', stock))
    const places = new Map<string, number>()
    const placeOf = (tag: string): number => {
      const place = places.get(tag) ?? places.size
      places.set(tag, place)
      return place
    }
    this.#tags = Uint32Array.from(goods.flatMap(({ tags }) => tags.map(placeOf)))
    this.#tagNames = [...places.keys()]
    this.#tagStarts = new Uint32Array(goods.length + 1)
    for (const [index, { tags }] of goods.entries()) this.#tagStarts[index + 1] = this.#tagStarts[index]! + tags.length
    this.#answerBytesMax = Uint32Array.from(goods, (_, index) => answerBytesOf(this.item(index + 1)!))
  }

  /**
   * A catalogue that is the same on every machine. Some titles are beyond ASCII, or have characters that JSON escapes.
   *
   * @param seed any 32-bit integer.
   * @param count 0 to `itemsMax`.
   */
  static seeded(seed: number, count: number): Catalogue {
    return new Catalogue(seededGoods(seed, checkInteger('count', count, { min: 0, max: itemsMax })))
  }

  /** @param id any number. */
  has(id: number): boolean {
    return id >= 1 && id <= this.count && Number.isInteger(id)
  }

  /** The item as an object of its own, its properties in the order of the answer; undefined where there is none. */
  item(id: number): Item | undefined {
    if (!this.has(id)) return undefined
    const tags: string[] = []
    for (let index = 0; index < this.tagCountOf(id); index++) tags.push(this.tagOf(id, index))
    return {
      id,
      title: this.titleOf(id),
      description: this.descriptionOf(id),
      price: this.priceOf(id),
      stock: this.stockOf(id),
      tags,
    }
  }

  // One property of an item that it has. None of these allocates.

  titleOf(id: number): string {
    return this.#titles[id - 1]!
  }

  descriptionOf(id: number): string {
    return this.#descriptions[id - 1]!
  }

  /** In cents. */
  priceOf(id: number): number {
    return this.#prices[id - 1]!
  }

  stockOf(id: number): number {
    return this.#stocks[id - 1]!
  }

  tagCountOf(id: number): number {
    return this.#tagStarts[id]! - this.#tagStarts[id - 1]!
  }

  /** @param index 0 to below `tagCountOf(id)`. */
  tagOf(id: number, index: number): string {
    return this.#tagNames[this.#tags[this.#tagStarts[id - 1]! + index]!]!
  }

  /** Bytes of the item as JSON in UTF-8, whatever its stock: room that is always enough, and at most nine bytes too much. */
  answerBytesMax(id: number): number {
    return this.#answerBytesMax[id - 1]!
  }

  /**
   * Changes what the next answer says.
   *
   * @throws QpsError QPS_OPTION for an id that it does not have, or a stock that is not a whole number from 0 to `amountMax`.
   */
  setStock(id: number, stock: number): void {
    checkInteger('id', id, { min: 1, max: this.count })
    this.#stocks[id - 1] = checkAmount('stock', stock)
  }
}

function checkAmount(name: string, amount: number): number {
  return checkInteger(name, amount, { min: 0, max: amountMax })
}

/** @throws QpsError QPS_USAGE for an item that is longer than `itemBytesMax`. */
function answerBytesOf(item: Item): number {
  const bytes = Buffer.byteLength(JSON.stringify({ ...item, stock: 0 })) - 1 + amountDigitsMax
  if (bytes <= itemBytesMax) return bytes
  throw new QpsError('QPS_USAGE', `item ${item.id} takes ${bytes} bytes as JSON, more than ${itemBytesMax}`, {
    hint: 'shorten its description, or serve it in pieces',
  })
}
