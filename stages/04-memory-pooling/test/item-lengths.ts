import { rawExchange } from '@qps/testkit'
import { shopCatalogue } from '../src/catalogue.ts'

const catalogue = shopCatalogue()

/** An item as it is sent, one character per byte. */
export const textOf = (id: number): string => Buffer.from(JSON.stringify(catalogue.item(id))).toString('latin1')

const byLength = Array.from({ length: catalogue.count }, (_, index) => index + 1).toSorted(
  (left, right) => textOf(right).length - textOf(left).length,
)

/** The item with the longest answer, and that with the shortest one. */
export const longest: number = byLength[0]!
export const shortest: number = byLength.at(-1)!

/** One client asks for one item, on a connection of its own. @returns the body. */
export async function bodyOf(port: number, id: number): Promise<string> {
  const { text } = await rawExchange(port, `GET /items/${id} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  return text.slice(text.indexOf('\r\n\r\n') + 4)
}
